import type { CheckFamily, Commit, SimWorld, Typing } from "../contract.ts";
import { isWakeLine } from "../../../adapters/ports/wake-line.ts";
import type { RuntimeContext } from "../../../machines/runtime/events.ts";
import type { AttemptActing } from "../acting.ts";
import { quietWindowMs } from "../profile.ts";
import { AgentProgram } from "../agent-program.ts";
import { recordOf } from "./actor-record.ts";

/** 9, 13, 14, 15: every byte against the truth about its terminal, at the moment the code decides on it and when it arrives. */
export class TypingChecks implements CheckFamily {
  readonly #world: SimWorld;
  /** Pids that a runtime's record ever named. */
  readonly #pids = new Map<string, Set<number>>();
  /** Since which step nothing may be typed, by runtime, agent, thread or workspace. */
  readonly #shutSince = new Map<string, number>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit({ changes, step }: Commit): void {
    for (const { key, after } of changes.actors) {
      if (after?.kind !== "runtime") continue;
      const { address, injection, management, runtimeId } = recordOf<RuntimeContext>(after).snapshot.context;
      const pids = this.#pids.get(runtimeId) ?? new Set();
      this.#pids.set(runtimeId, address === null ? pids : pids.add(address.pid));
      this.#note(key, injection !== "open" || management !== "managed", step);
    }
    for (const { key, after } of changes.agents) this.#note(`agent/${key}`, after?.paused === true, step);
    for (const { key, after } of changes.settings) {
      const [switchName, thread] = key.split("/");
      if (switchName !== "injection") continue;
      const name = thread === undefined ? "workspace" : `thread/${thread}`;
      this.#note(name, after?.includes("true") === true, step);
    }
  }

  onTyping(typing: Typing, when: "issued" | "written"): void {
    if (when === "written") return this.#checkIdentity(typing);
    this.#checkManners(typing);
    if (typing.attempt !== null) this.#checkAllowed(typing.attempt, typing);
    return this.#checkOnce(typing);
  }

  #note(name: string, isShut: boolean, step: number): void {
    if (!isShut) this.#shutSince.delete(name);
    else if (!this.#shutSince.has(name)) this.#shutSince.set(name, step);
  }

  #checkIdentity({ attempt, address, process }: Typing): void {
    const place = this.#world.hostOf(process.spec.host).scripted.get(address.target);
    const pids = this.#pids.get(String(attempt?.input["runtimeId"]));
    // A launch types its first line before its record names the process: the address it got is all there is.
    const isKnown =
      attempt?.port === "launchTerminal" ? place?.pid === address.pid : pids?.has(place?.pid ?? -1) === true;
    if (place?.end === null && isKnown) return;
    this.#world.violated(
      14,
      `bytes for ${address.target} pid ${address.pid} reached pid ${place?.pid ?? "none"}`,
    );
  }

  #checkOnce({ key, attempt }: Typing): void {
    if (key !== "paste" || attempt?.port !== "deliverWake") return;
    const { address, incarnation, token } = attempt.lease;
    const effect = this.#world.state.effects.get(`${address} ${incarnation}`);
    const isMarked =
      effect?.attempts.some((each) => each.token === token && each.startedAt !== null) === true;
    if (!isMarked) this.#world.violated(9, `${attempt.effect} types before it is marked as started`);
    const { typedEffects } = this.#world;
    if (typedEffects.has(attempt.effect)) this.#world.violated(9, `${attempt.effect} is typed a second time`);
    typedEffects.add(attempt.effect);
  }

  /** What was shut before its latest look at the switches must not receive a byte; and it must have looked again. */
  #checkAllowed(attempt: AttemptActing, { key }: Typing): void {
    if (attempt.port !== "deliverWake") return;
    const { runtimeId, agentId, threadId } = attempt.input;
    const lookedAgain = key === "paste" ? attempt.firstLookAtStep : attempt.pastedAtStep;
    const switches = [
      `runtime/${String(runtimeId)}`,
      `agent/${String(agentId)}`,
      `thread/${String(threadId)}`,
    ];
    for (const name of [...switches, "workspace"]) {
      const since = this.#shutSince.get(name);
      if (since === undefined) continue;
      if (since < attempt.checkedAtStep || attempt.checkedAtStep < (lookedAgain ?? 0)) {
        this.#world.violated(
          15,
          `${key} into ${String(runtimeId)}, although ${name} is shut since step ${since}`,
        );
      }
    }
  }

  #checkManners({ process, attempt, address, key }: Typing): void {
    const { scheduler } = this.#world;
    const isForced = attempt?.input["force"] === true;
    const look = attempt?.look ?? null;
    const obstacle = this.#obstacle({
      host: process.spec.host,
      target: address.target,
      attempt,
      key,
      isForced,
    });
    if (attempt !== null && key === "paste") {
      attempt.pastedAt = scheduler.now;
      attempt.pastedAtStep = scheduler.steps;
    }
    if (look === null) return this.#world.violated(13, `${key} into ${address.target} without a look`);
    // Between the latest look and the byte nothing can be known; everything else could have been.
    if (obstacle === null || (look.isLatest && obstacle.sinceStep > look.step)) return undefined;
    const age = scheduler.now - look.at;
    return this.#world.violated(
      13,
      `${key} into ${address.target}: ${obstacle.what}; the latest look is ${age} ms old`,
    );
  }

  #obstacle(typing: {
    host: string;
    target: string;
    attempt: AttemptActing | null;
    key: Typing["key"];
    isForced: boolean;
  }): { what: string; sinceStep: number } | null {
    const { host, target, attempt, key, isForced } = typing;
    const place = this.#world.hostOf(host).scripted.get(target);
    if (place === null || !(place.program instanceof AgentProgram) || place.end !== null) return null;
    const { program } = place;
    const sinceStep = this.#world.touches.get(`${host} ${target}`) ?? 0;
    const isHard =
      place.inCopyMode || place.foreground !== "prompt" || !["idle", "busy"].includes(program.mode);
    if (isHard) {
      const what = place.inCopyMode
        ? "history is open"
        : place.foreground !== "prompt"
          ? "a shell is there"
          : program.mode;
      return { what, sinceStep };
    }
    if (isForced) return null;
    const { now } = this.#world.scheduler;
    const since = key === "paste" ? quietWindowMs : now - (attempt?.pastedAt ?? now);
    if (place.humanAt !== null && now - place.humanAt < since) {
      return { what: `a person touched the keys ${now - place.humanAt} ms ago`, sinceStep };
    }
    const isOurs = program.box === "" || isWakeLine(program.box);
    return isOurs ? null : { what: `the box holds "${program.box}"`, sinceStep };
  }
}
