import type { CheckFamily, SimWorld } from "../contract.ts";
import type { ParticipantContext } from "../../../machines/participant/events.ts";
import type { RuntimeContext } from "../../../machines/runtime/events.ts";
import { adoptedPane } from "../cast.ts";
import { recordOf } from "./actor-record.ts";

/** Somebody looks for expired leases this often, and may be slow. */
const takeOverMs = 5_000;

/** 11, 24: when nothing disturbs any more, everybody is caught up or visibly blocked, and nothing is left over. */
export class RestChecks implements CheckFamily {
  readonly #world: SimWorld;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Somebody has yet to take over what a vanished node held. */
  isTakeoverDue(): boolean {
    const { state, scheduler } = this.#world;
    return state.openEffects
      .values()
      .some((key) => (state.effects.get(key)?.leaseExpiresAt ?? Infinity) < scheduler.now);
  }

  /** Who still waits, or null. */
  waiting(): string | null {
    for (const member of this.#world.state.members.values()) {
      const address = `participant/${member.threadId}.${member.agentId}`;
      const actor = this.#world.state.actors.get(address);
      if (actor === undefined) return `${address} does not exist`;
      const { snapshot } = recordOf<ParticipantContext>(actor);
      const { context, value } = snapshot;
      const { attention } = value as { attention: string | Record<string, string> };
      const unread = this.#unread(member.threadId, member.agentId, member.lastReadSeq);
      const isHeld = typeof attention === "object" && attention["unread"] === "held";
      const isBlocked = context.blocked !== null;
      const isCaughtUp = attention === "caughtUp" && (unread === 0 || this.#isClosed(member.threadId));
      if (!isCaughtUp && !isBlocked && !isHeld)
        return `${address} is ${JSON.stringify(attention)} with ${unread} unread`;
    }
    return null;
  }

  atRest(): void {
    this.#checkLeftOver();
    const waiting = this.waiting();
    if (waiting !== null) this.#world.violated(11, `${waiting}, and nothing more happens`);
    this.#checkHeld();
  }

  #unread(threadId: string, agentId: string, after: number): number {
    const messages = this.#world.state.messages.get(threadId) ?? [];
    const addressed = messages.filter(
      ({ seq, author, to }) => seq > after && author !== agentId && (to?.includes(agentId) ?? true),
    );
    return addressed.length;
  }

  #isClosed(threadId: string): boolean {
    return this.#world.state.threads.get(threadId)?.status === "closed";
  }

  /** Whoever is held is held by something that stands in the tables. */
  #checkHeld(): void {
    const { state } = this.#world;
    const isPaused = state.settings.get("injection")?.includes("true") === true;
    for (const { threadId, agentId } of state.members.values()) {
      const actor = state.actors.get(`participant/${threadId}.${agentId}`);
      if (actor === undefined) continue;
      const { context, value } = recordOf<ParticipantContext>(actor).snapshot;
      const { attention } = value as { attention: Record<string, string> };
      const isHeld = attention["unread"] === "held";
      const runtime = context.agent.runtime;
      const byRuntime = runtime !== null && this.#runtimeOf(runtime.runtimeId)?.injection === "paused";
      const byThread = state.settings.get(`injection/${threadId}`)?.includes("true") === true;
      const byAgent = state.agents.get(agentId)?.paused === true;
      const isRight = isPaused || this.#isClosed(threadId) || byAgent || byThread || byRuntime;
      if (isHeld && !isRight) this.#world.violated(11, `${actor.address} is held, and nothing holds it`);
    }
  }

  #checkLeftOver(): void {
    const { state, scheduler } = this.#world;
    for (const [address, mail] of state.mailboxes.entries()) {
      const isSetAside = state.actors.get(address)?.status === "quarantined";
      if (!isSetAside) this.#world.violated(24, `${mail.length} mails wait for ${address}`);
    }
    for (const key of state.openEffects.values()) {
      const effect = state.effects.get(key);
      if (effect === undefined || (effect.port === "watchTerminal" && effect.status === "pending")) continue;
      const isExpired = effect.leaseExpiresAt !== null && effect.leaseExpiresAt < scheduler.now - takeOverMs;
      if (effect.port !== "watchTerminal" || isExpired) {
        this.#world.violated(
          24,
          `${effect.port} ${key} is ${effect.status}${isExpired ? ", its lease expired" : ""}`,
        );
      }
    }
    for (const orphan of this.orphans())
      this.#world.violated(24, `terminal ${orphan} lives, and no runtime holds it`);
  }

  /** Terminals that nobody holds; a sweep ends them. */
  orphans(): string[] {
    return [...this.#world.hosts].flatMap(([name, { scripted, places }]) =>
      [...places]
        .filter((id) => {
          const runtime = this.#runtimeOf(id);
          const place = scripted.get(id);
          // What a person took over, or what another program replaced, is not ours to remove.
          const isOurs =
            id !== adoptedPane &&
            runtime?.management !== "unmanaged" &&
            !this.#world.replaced.has(`${name} ${id}`);
          return place?.end === null && isOurs && runtime?.address?.pid !== place.pid;
        })
        .map((id) => `${id} on ${name}`),
    );
  }

  #runtimeOf(runtimeId: string): RuntimeContext | null {
    const actor = this.#world.state.actors.get(`runtime/${runtimeId}`);
    return actor === undefined ? null : recordOf<RuntimeContext>(actor).snapshot.context;
  }
}
