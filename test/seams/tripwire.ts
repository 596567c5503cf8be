import { type SeamName } from "./seams.ts";

/** Where this process is to die: at the n-th passing of a seam, counted from the moment it was armed. */
export interface Trip {
  seam: SeamName;
  passing: number;
}

export type Passings = Partial<Record<SeamName, number>>;

/** Counts passings, and ends the process by SIGKILL, which no code of it outlives, when the armed one comes. */
export class Tripwire {
  #trip: Trip | null = null;
  #passings: Passings = {};
  readonly #die: () => void;

  constructor(die: () => void = killSelf) {
    this.#die = die;
  }

  get passings(): Passings {
    return { ...this.#passings };
  }

  /** Counts from here on. Null disarms. */
  arm(trip: Trip | null): void {
    this.#trip = trip;
    this.#passings = {};
  }

  pass(seam: SeamName): void {
    if (this.#isFatal(seam)) this.#die();
  }

  /** The act that is begun right after this call gets as far as its first bytes out of the process. */
  passOnceSent(seam: SeamName): void {
    // Sockets and pipes are written before or in the first of the two; no answer is read before the second.
    if (this.#isFatal(seam)) setImmediate(() => setImmediate(() => this.#die()));
  }

  #isFatal(seam: SeamName): boolean {
    const passing = (this.#passings[seam] ?? 0) + 1;
    this.#passings[seam] = passing;
    return this.#trip?.seam === seam && this.#trip.passing === passing;
  }
}

function killSelf(): void {
  process.kill(process.pid, "SIGKILL");
}
