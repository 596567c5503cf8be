import type { CheckFamily, Commit, SimWorld } from "../contract.ts";

/** 10: a timer acts once, not before its time, and not after it was cancelled. */
export class TimerChecks implements CheckFamily {
  readonly #world: SimWorld;
  /** When each armed incarnation may fire, as its chart asked. */
  readonly #dueAt = new Map<string, number>();
  readonly #over = new Map<string, "fired" | "cancelled">();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit({ changes, turns, at }: Commit): void {
    for (const { actor, timersArmed } of turns) {
      for (const { incarnation, delayMs } of timersArmed)
        this.#dueAt.set(`${actor.address} ${incarnation}`, at + delayMs);
    }
    for (const { before, after } of changes.timers) {
      if (before === undefined || after?.incarnation === before.incarnation) continue;
      const mail = this.#world.state.mailboxes.get(before.address) ?? [];
      const hasFired = mail.some(
        ({ cause }) => cause?.type === "timer" && cause.incarnation === before.incarnation,
      );
      const name = `${before.address} ${before.incarnation}`;
      if (hasFired) this.#requireDue(name, before.id, at);
      else if (this.#over.get(name) === undefined) this.#over.set(name, "cancelled");
    }
    for (const { after } of changes.journal) {
      if (after?.cause?.type !== "timer" || after.dropped !== null) continue;
      const name = `${after.address} ${after.cause.incarnation}`;
      this.#requireDue(name, after.cause.id, at);
      const over = this.#over.get(name);
      if (over !== undefined)
        this.#world.violated(10, `timer ${after.cause.id} of ${name} acted after it was ${over}`);
      this.#over.set(name, "fired");
    }
  }

  #requireDue(name: string, id: string, at: number): void {
    const early = (this.#dueAt.get(name) ?? 0) - at;
    if (early > 0) this.#world.violated(10, `timer ${id} of ${name} fired ${early} ms early`);
  }

  atRest(): void {
    const { state, scheduler } = this.#world;
    for (const { address, id, dueAt } of state.timers.values()) {
      const lateMs = scheduler.now - dueAt;
      if (lateMs > 5_000) this.#world.violated(10, `timer ${id} of ${address} is ${lateMs} ms late`);
    }
  }
}
