import type { EngineRecord } from "../machines/records.ts";
import { RouseError, errorBody } from "./errors.ts";
import type { ActorRecord, Intent, Step } from "./kernel.ts";
import { machineHash } from "./machine-hash.ts";
import { announcements, noticesOf, quarantineNotice, type FoundNotice } from "./notices.ts";
import { checkedInput } from "./port-values.ts";
import type { MachineEntry } from "./registry.ts";
import type {
  ActorEvent,
  Cause,
  EffectRequest,
  JournalEntry,
  Mail,
  StoredActor,
  TimerArm,
  TurnCommit,
} from "./store.ts";

export type ActorIdentity = Pick<StoredActor, "address" | "kind" | "subject">;

/** An intent that may be committed as it is. */
type Change = Exclude<Intent, { type: "invoke" }> | { type: "request"; request: EffectRequest };

/** Folds the steps of one turn into its commit: what is asked for and withdrawn within the turn leaves no trace but the journal. */
export class Plan {
  readonly #actor: ActorIdentity;
  readonly #entry: MachineEntry;
  readonly #expectedVersion: number | null;
  #version: number;
  #status: StoredActor["status"] = "active";
  #record: ActorRecord;
  readonly #consumed: Mail[] = [];
  readonly #outgoing: TurnCommit["outgoing"][number][] = [];
  readonly #published: TurnCommit["published"][number][] = [];
  readonly #timers = new Map<string, TimerArm | "cancel">();
  readonly #requested = new Map<number, EffectRequest>();
  readonly #cancelled: { incarnation: number }[] = [];
  readonly #records: EngineRecord[] = [];
  readonly #journal: JournalEntry[] = [];
  readonly #deadLetters: TurnCommit["deadLetters"][number][] = [];

  constructor(
    actor: ActorIdentity,
    entry: MachineEntry,
    before: { version: number; record: ActorRecord } | null,
  ) {
    this.#actor = actor;
    this.#entry = entry;
    this.#expectedVersion = before?.version ?? null;
    this.#version = before?.version ?? 0;
    this.#record = before?.record ?? { snapshot: {}, incarnation: 0, invokes: {}, timers: {} };
  }

  get record(): ActorRecord {
    return this.#record;
  }

  consume(mail: Mail): void {
    this.#consumed.push(mail);
  }

  apply(step: Step, mail: { from: string; event: ActorEvent; cause: Cause | null }): void {
    const records: EngineRecord[] = [];
    // All of them before any is folded: a step that asks a port for the impossible must leave nothing behind.
    const changes = step.intents.map((intent) => changeOf(this.#entry, intent));
    for (const change of changes) this.#fold(change, records);
    this.#record = step.record;
    this.#status = statusOf(step.record);
    this.#records.push(...records);
    const { transitions, states, dropped } = step;
    this.#write({ ...pick(mail), transitions, states, dropped, records });
    this.#tell(noticesOf(records, step.intents));
  }

  /** Sets the event aside; the actor stays as it was and takes no more mail until somebody releases it. */
  quarantine(mail: Mail, error: unknown): void {
    this.#status = "quarantined";
    this.#deadLetters.push({ mail, error: errorBody(error) });
    this.#write({ ...pick(mail), transitions: [], states: [], dropped: "poison", records: [] });
    this.#tell([quarantineNotice(error)]);
  }

  /** Tells whoever reaches people, in this very commit. */
  #tell(found: readonly FoundNotice[]): void {
    const { address } = this.#actor;
    this.#published.push(...announcements({ address, seq: this.#version }, found));
  }

  commit(subscriptions: readonly string[] = []): TurnCommit {
    const timers = [...this.#timers];
    return {
      actor: {
        ...this.#actor,
        version: this.#version,
        status: this.#status,
        machineVersion: this.#entry.version,
        machineHash: machineHash(this.#entry.machine),
        record: JSON.stringify(this.#record),
      },
      expectedVersion: this.#expectedVersion,
      consumed: this.#consumed,
      outgoing: this.#outgoing,
      published: this.#published,
      timersArmed: timers.flatMap(([, timer]) => (timer === "cancel" ? [] : [timer])),
      timersCancelled: timers.flatMap(([id, timer]) => (timer === "cancel" ? [id] : [])),
      effectsRequested: [...this.#requested.values()],
      effectsCancelled: this.#cancelled,
      records: this.#records,
      journal: this.#journal,
      deadLetters: this.#deadLetters,
      subscriptions,
    };
  }

  #write(entry: Omit<JournalEntry, "seq">): void {
    this.#version += 1;
    this.#journal.push({ seq: this.#version, ...entry });
  }

  #fold(change: Change, records: EngineRecord[]): void {
    const from = this.#actor.address;
    switch (change.type) {
      case "request":
        return void this.#requested.set(change.request.incarnation, change.request);
      case "stopInvoke":
        if (!this.#requested.delete(change.incarnation))
          this.#cancelled.push({ incarnation: change.incarnation });
        return;
      case "armTimer": {
        const { id, incarnation, delayMs, event } = change;
        return void this.#timers.set(id, { id, incarnation, delayMs, event });
      }
      case "cancelTimer":
        return void this.#timers.set(change.id, "cancel");
      case "send":
        return void this.#outgoing.push({ to: change.to, from, event: change.event });
      case "publish":
        return void this.#published.push({ topic: change.topic, from, event: change.event });
      case "record":
        // The chart's records are typed by `EngineRecords`; the chart rules refuse other names.
        return void records.push({ type: change.name, params: change.params } as EngineRecord);
    }
  }
}

function pick(mail: {
  from: string;
  event: ActorEvent;
  cause: Cause | null;
}): Pick<Mail, "from" | "event" | "cause"> {
  return { from: mail.from, event: mail.event, cause: mail.cause };
}

function statusOf(record: ActorRecord): StoredActor["status"] {
  const status = record.snapshot["status"];
  return status === "done" || status === "error" ? status : "active";
}

function changeOf(entry: MachineEntry, intent: Intent): Change {
  return intent.type === "invoke" ? { type: "request", request: effectRequest(entry, intent) } : intent;
}

function effectRequest(entry: MachineEntry, intent: Extract<Intent, { type: "invoke" }>): EffectRequest {
  const port = entry.ports.find(({ name }) => name === intent.port);
  if (port === undefined) {
    throw new RouseError(
      "port_unknown",
      `machine ${entry.kind} invokes ${intent.port}, which is not among its ports`,
      {
        nextStep: `Add the port to the registry entry of ${entry.kind}.`,
      },
    );
  }
  const input = checkedInput(port, intent.input);
  return {
    invokeId: intent.id,
    incarnation: intent.incarnation,
    port: port.name,
    input,
    host: port.host?.(input) ?? null,
    exclusiveKey: port.exclusive?.(input) ?? null,
    correlation: port.correlation?.(input) ?? null,
  };
}
