import { z } from "zod";
import { isRateLimited, obstacle, recentWakes } from "../../machines/participant/deferral.ts";
import type { ParticipantContext } from "../../machines/participant/events.ts";
import { isLiving, isManagedLiving } from "../../machines/participant/facts.ts";
import {
  isAtRest,
  isPaused,
  isSessionStale,
  isThreadBlocked,
  isUsageLimited,
  liveChannelIsUsedUp,
  mayResume,
  maySpawn,
  mayTrigger,
  mustBlock,
  mustDefer,
} from "../../machines/participant/policy.ts";

/** The guards that the chart's state `deciding` asks, in its order, as they would answer now. */

export const guardShape = z.object({
  guard: z.string().describe("Its name in the chart."),
  holds: z.boolean(),
  because: z.string().describe("The values that it looked at."),
});
type Guard = z.output<typeof guardShape>;

/** Pure. `now` in epoch ms. */
export function guardsOf(context: ParticipantContext, now: number): Guard[] {
  const { unread, wake, threadStatus, agent, policy } = context;
  const { runtime, session } = agent;
  const terminal = runtime === null ? "no terminal" : `${runtime.runtimeId} is ${runtime.state}`;
  const living = isLiving(runtime) ? `${terminal}, ${runtime?.management ?? ""}` : terminal;
  const gap = agent.lastHeartbeatAt === null ? "never" : `${seconds(now - agent.lastHeartbeatAt)} ago`;
  const wakes = `${recentWakes(context, now).length} of ${policy.wakesPerWindow} wakes in ${seconds(policy.wakeWindowMs)}`;
  return [
    {
      guard: "isAtRest",
      holds: isAtRest(context),
      because: `${unread} unread${wake?.requested === true ? ", a wake was asked for" : ""}`,
    },
    { guard: "isPaused", holds: isPaused(context), because: pauseText(context) },
    {
      guard: "isThreadBlocked",
      holds: isThreadBlocked(context),
      because: `thread is ${threadStatus}${wake?.forced === true ? ", forced" : ""}`,
    },
    { guard: "isUsageLimited", holds: isUsageLimited(context, now), because: limitText(context) },
    { guard: "isRateLimited", holds: isRateLimited(context, now), because: wakes },
    {
      guard: "mustBlock",
      holds: mustBlock(context, now),
      because: `obstacle: ${obstacle(context) ?? "none"}`,
    },
    {
      guard: "mustDefer",
      holds: mustDefer(context, now),
      because: `obstacle: ${obstacle(context) ?? "none"}`,
    },
    {
      guard: "liveChannelIsUsedUp",
      holds: liveChannelIsUsedUp(context),
      because: used(wake?.triggers, policy.retries + 1),
    },
    {
      guard: "mayTrigger",
      holds: mayTrigger(context),
      because: isManagedLiving(runtime) ? `${living}, injection ${runtime.injection}` : living,
    },
    {
      guard: "isSessionStale",
      holds: isSessionStale(context, now),
      because: `heartbeat ${gap}, stale after ${seconds(policy.sessionStaleMs)}`,
    },
    {
      guard: "mayResume",
      holds: mayResume(context, now),
      because: `${session === null ? "no session" : `session ${session.sessionId} is ${session.resumable ? "" : "not "}resumable`}, ${used(wake?.resumes, policy.resumes)}`,
    },
    {
      guard: "maySpawn",
      holds: maySpawn(context),
      because: `${agent.spawnHost === null ? "not registered to be started" : `startable on ${agent.spawnHost}`}, ${used(wake?.spawns, policy.spawns)}`,
    },
  ];
}

function pauseText({ pausedBy, agent }: ParticipantContext): string {
  const scopes =
    pausedBy.length === 0 ? "no pause of agent, thread or workspace" : `paused for ${pausedBy.join(" and ")}`;
  return agent.runtime === null ? scopes : `${scopes}; its runtime's injection is ${agent.runtime.injection}`;
}

function limitText({ agent: { runtime } }: ParticipantContext): string {
  if (runtime?.state !== "limited") return "no limit seen";
  return runtime.limitedUntil === null
    ? "limited, end unknown"
    : `limited until ${new Date(runtime.limitedUntil).toISOString()}`;
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1_000))} s`;
}

function used(count: number | undefined, most: number): string {
  return `${count ?? 0} of ${most} used`;
}
