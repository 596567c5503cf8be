interface Asked<Request, Answer> {
  request: Request;
  resolve: (answer: Exclude<Answer, Error>) => void;
  reject: (error: unknown) => void;
}

type AnswerAll<Request, Answer> = (requests: readonly Request[]) => Promise<readonly Answer[]>;

/** Questions of one kind, answered together by one statement. */
export class Gathered<Request, Answer> {
  readonly #answer: AnswerAll<Request, Answer>;
  readonly #onAsked: () => void;
  #asked: Asked<Request, Answer>[] = [];

  /** @param answer one for each request, in their order; an Error is for that request alone */
  constructor(answer: AnswerAll<Request, Answer>, onAsked: () => void) {
    this.#answer = answer;
    this.#onAsked = onAsked;
  }

  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  ask(request: Request): Promise<Exclude<Answer, Error>> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ request, resolve, reject });
      this.#onAsked();
    });
  }

  /** Never throws: whoever asked is told. */
  async send(): Promise<void> {
    const asked = this.#asked;
    if (asked.length === 0) return;
    this.#asked = [];
    try {
      const answers = await this.#answer(asked.map(({ request }) => request));
      for (const [index, { resolve, reject }] of asked.entries()) {
        const answer = answers[index] as Answer;
        if (answer instanceof Error) reject(answer);
        else resolve(answer as Exclude<Answer, Error>);
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
