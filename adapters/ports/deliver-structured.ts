import type { DeliverWakeOutput } from "../../machines/participant/ports.ts";
import type { Observation } from "../../machines/runtime/contract.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import type { RunningProgram, WakeChannel } from "../agents/kind.ts";
import type { Obstacle } from "../terminals/typing-guards.ts";
import type { LivePrograms } from "./live-programs.ts";

export interface StructuredWake {
  programs: LivePrograms;
  channels: readonly WakeChannel[];
  program: RunningProgram;
  wakeId: string;
  text: string;
  /** Throws when the wake is no longer wanted. */
  beforeFirstByte: () => Promise<void>;
  signal: AbortSignal;
  clock: Clock;
}

/** Why no structured channel may be used now. A draft is no reason: it stays as it is. Pure. */
export function findStructuredObstacle(
  observation: Observation,
  view: TerminalView,
  rules: { shells: readonly string[]; quietWindowMs: number; force: boolean; now: number },
): Obstacle | null {
  if (!view.alive) return { verdict: "refused", reason: "terminalMissing" };
  // Its program ended or was put aside: what a channel takes in now would wait for nobody.
  if (rules.shells.includes(view.foreground)) return { verdict: "refused", reason: "bareShell" };
  const { activity } = observation;
  if (activity === "dialog" || (activity === "limited" && !isLimitOver(observation, rules.now)))
    return deferred("dialogOpen");
  if (activity === "unknown") return deferred("stateUnknown");
  if (rules.force) return null;
  if (activity === "busy") return deferred("agentBusy");
  const { humanIdleMs } = view;
  if (humanIdleMs === null || humanIdleMs >= rules.quietWindowMs) return null;
  return deferred("humanTyping", rules.quietWindowMs - humanIdleMs);
}

/** The program told when its usage limit ends, and that was before now (epoch ms). */
export function isLimitOver({ activity, limitedUntil }: Observation, now: number): boolean {
  return activity === "limited" && limitedUntil !== undefined && limitedUntil <= now;
}

function deferred(
  reason: Extract<Obstacle, { verdict: "deferred" }>["reason"],
  retryAfterMs: number | null = null,
): Obstacle {
  return { verdict: "deferred", reason, retryAfterMs };
}

/**
 * One attempt on the best channel that will do; null when there is none, and then nothing left us. A channel that let
 * something out answers for it: whatever happens next, no other channel is tried.
 */
export async function deliverStructured(wake: StructuredWake): Promise<DeliverWakeOutput | null> {
  const { programs, program, signal } = wake;
  for (const channel of programs.inOrder(program.runtimeId, wake.channels)) {
    const isUsable = await programs.isUsable(program, channel, signal).catch(() => false);
    signal.throwIfAborted();
    const output = isUsable ? await attempt(wake, channel) : null;
    programs.note(program.runtimeId, channel, output?.verdict === "delivered" ? "proven" : "failed");
    if (output?.verdict === "delivered" || output?.verdict === "unconfirmed") return output;
  }
  return null;
}

/** Null when the channel failed before anything left us. Throws what `beforeFirstByte` throws. */
async function attempt(wake: StructuredWake, channel: WakeChannel): Promise<DeliverWakeOutput | null> {
  const { program, wakeId, text, signal, clock } = wake;
  let firstByteAt: number | null = null;
  let unwanted: { error: unknown } | null = null;
  const beforeFirstByte = async (): Promise<void> => {
    try {
      await wake.beforeFirstByte();
    } catch (error) {
      unwanted = { error };
      throw error;
    }
    firstByteAt = clock.now();
  };
  try {
    return await channel.deliver(program, { wakeId, text }, { beforeFirstByte, signal, clock });
  } catch {
    throwIfUnwanted(unwanted);
    if (firstByteAt === null) return null;
    const evidence = { channel: channel.name, bytes: Buffer.byteLength(text), firstByteAt };
    return { verdict: "unconfirmed", evidence: { ...evidence, submittedAt: null, turnStartedAt: null } };
  }
}

function throwIfUnwanted(unwanted: { error: unknown } | null): void {
  if (unwanted !== null) throw unwanted.error;
}
