import type { CheckFamily, Commit, SimWorld, Typing } from "../contract.ts";
import type { ParticipantContext } from "../../../machines/participant/events.ts";
import { policies } from "../profile.ts";
import { recordOf } from "./actor-record.ts";

const { retries, resumes, spawns, deferMaxMs, sessionStaleMs } = policies.wake;
const proofs = ["heartbeat.received", "ack.received", "state.reconciled"];
const patience = [
  "humanTyping",
  "draftPresent",
  "readingHistory",
  "dialogOpen",
  "stateUnknown",
  "runtimeStarting",
];

/** 12, 16: how often a wake tries, how long it waits, and what counts as delivered. */
export class WakeChecks implements CheckFamily {
  readonly #world: SimWorld;
  /** Effects asked for, by wake and port. */
  readonly #starts = new Map<string, number>();
  /** Lines pasted since the last sign of life, by wake and terminal. */
  readonly #pastes = new Map<string, number>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit(commit: Commit): void {
    this.#checkAcknowledged(commit);
    this.#countStarts(commit);
    this.#checkPatience(commit);
    for (const { after } of commit.changes.journal) {
      if (after === undefined || !after.address.startsWith("participant/")) continue;
      if (proofs.includes(after.event.type)) this.#forgetPastes(after.address);
    }
  }

  onTyping({ attempt, key }: Typing, when: "issued" | "written"): void {
    if (when !== "written" || key !== "paste" || attempt?.port !== "deliverWake") return;
    const { wakeId, runtimeId } = attempt.input;
    const name = `${attempt.lease.address} ${String(wakeId)} ${String(runtimeId)}`;
    const count = (this.#pastes.get(name) ?? 0) + 1;
    this.#pastes.set(name, count);
    if (count > retries + 1)
      this.#world.violated(12, `${name} was typed ${count} times, ${retries + 1} are allowed`);
  }

  #checkAcknowledged({ changes }: Commit): void {
    const { state } = this.#world;
    for (const { key, before, after } of changes.wakes) {
      if (after === undefined) return;
      if (after.outcome === "read" && after.acknowledgedAt === null) {
        this.#world.violated(16, `wake ${key} counts as read, and nobody acknowledged it`);
      }
      if (after.acknowledgedAt === null || (before !== undefined && before.acknowledgedAt !== null)) continue;
      const entry = changes.journal.find(({ after: written }) =>
        written?.records.some(({ type, params }) => type === "wake.acknowledged" && params.wakeId === key),
      )?.after;
      const event = entry?.event;
      const cursor = state.members.get(`${after.threadId}/${after.agentId}`)?.lastReadSeq ?? 0;
      const isProof =
        event !== undefined &&
        proofs.includes(event.type) &&
        (event.type !== "heartbeat.received" || entry?.from === after.agentId) &&
        (event.type === "heartbeat.received" || Number(event["lastReadSeq"]) <= cursor);
      if (!isProof)
        this.#world.violated(
          16,
          `wake ${key} was acknowledged by ${event?.type ?? "nothing"}, cursor at ${cursor}`,
        );
    }
  }

  #countStarts({ changes, at }: Commit): void {
    for (const { before, after } of changes.effects) {
      if (before !== undefined || after === undefined) continue;
      if (after.port !== "resumeSession" && after.port !== "spawnSession") continue;
      const name = `${after.port} ${String(after.correlation)}`;
      const count = (this.#starts.get(name) ?? 0) + 1;
      this.#starts.set(name, count);
      const most = after.port === "resumeSession" ? resumes : spawns;
      if (count > most) this.#world.violated(12, `${name} was asked for ${count} times, ${most} are allowed`);
      const { agentId } = after.input as { agentId: string };
      const heard = this.#world.state.agents.get(agentId)?.lastHeartbeatAt ?? null;
      const isStale = heard !== null && at - heard > sessionStaleMs;
      if (after.port === "resumeSession" && isStale)
        this.#world.violated(12, `${name} after a gap of ${at - heard} ms`);
    }
  }

  /** Waiting may begin anew only within its bound. */
  #checkPatience({ turns, at }: Commit): void {
    for (const { actor, timersArmed } of turns) {
      if (!timersArmed.some(({ id }) => id.includes("deferRecheck"))) continue;
      const stored = this.#world.state.actors.get(actor.address);
      if (stored === undefined) continue;
      const { wake } = recordOf<ParticipantContext>(stored).snapshot.context;
      if (wake === null || wake.deferredSince === null || !patience.includes(wake.deferReason ?? ""))
        continue;
      const waited = at - wake.deferredSince;
      if (waited < deferMaxMs) continue;
      this.#world.violated(
        12,
        `${actor.address} is deferred anew for ${String(wake.deferReason)} after ${waited} ms`,
      );
    }
  }

  #forgetPastes(address: string): void {
    for (const name of this.#pastes.keys()) if (name.startsWith(`${address} `)) this.#pastes.delete(name);
  }
}
