import type {
  Answer,
  CheckFamily,
  Commit,
  Outcome,
  Post,
  SimProcess,
  SimWorld,
  Typing,
  Witness,
} from "../contract.ts";
import type { Caller } from "../../../api/operations/caller.ts";
import type { RequestActing } from "../acting.ts";
import { AuthorityChecks } from "./authority.ts";
import { EffectChecks } from "./effects.ts";
import { MailboxChecks } from "./mailbox.ts";
import { MessageChecks } from "./messages.ts";
import { NodeChecks } from "./nodes.ts";
import { RestChecks } from "./rest.ts";
import { ThreadChecks } from "./threads.ts";
import { TimerChecks } from "./timers.ts";
import { TurnChecks } from "./turns.ts";
import { TypingChecks } from "./typing.ts";
import { WakeChecks } from "./wakes.ts";

/** All invariants, shown everything that happens. */
export class Checks implements Witness {
  readonly #messages: MessageChecks;
  readonly #nodes: NodeChecks;
  readonly #rest: RestChecks;
  readonly #families: readonly CheckFamily[];
  #readerToken = "";

  constructor(world: SimWorld) {
    this.#messages = new MessageChecks(world);
    this.#nodes = new NodeChecks(world);
    this.#rest = new RestChecks(world);
    this.#families = [
      this.#messages,
      // The sharper check first: whoever applies mail twice also writes over what he did not see.
      new EffectChecks(world),
      new TurnChecks(world),
      new MailboxChecks(world),
      new TimerChecks(world),
      new WakeChecks(world),
      new TypingChecks(world),
      new ThreadChecks(world),
      new AuthorityChecks(world),
      this.#nodes,
      this.#rest,
    ];
  }

  onCommit(commit: Commit): void {
    for (const family of this.#families) family.onCommit?.(commit);
  }

  onTyping(typing: Typing, when: "issued" | "written"): void {
    for (const family of this.#families) family.onTyping?.(typing, when);
  }

  onVerified(caller: Caller, requestId: string): void {
    for (const family of this.#families) family.onVerified?.(caller, requestId);
  }

  onAnswer(request: RequestActing, answer: Answer): void {
    for (const family of this.#families) family.onAnswer?.(request, answer);
  }

  onAcknowledged(post: Post, seqs: readonly number[]): void {
    this.#messages.onAcknowledged(post, seqs);
  }

  onReusedKey(outcome: Outcome): void {
    this.#messages.onReusedKey(outcome);
  }

  onRead(input: { thread_id: string; after_seq: number }, outcome: Outcome): void {
    this.#messages.onRead(input, outcome);
  }

  onDrained(process: SimProcess): void {
    this.#nodes.onDrained(process);
  }

  noteReader(jti: string): void {
    this.#readerToken = jti;
  }

  /** The token that operators revoke. */
  readerToken(): string {
    return this.#readerToken;
  }

  waiting(): string | null {
    return this.#rest.waiting();
  }

  isTakeoverDue(): boolean {
    return this.#rest.isTakeoverDue();
  }

  orphans(): string[] {
    return this.#rest.orphans();
  }

  atRest(): void {
    for (const family of this.#families) family.atRest?.();
  }
}
