import type { Observation, Prompt } from "../../machines/runtime/contract.ts";
import {
  defaultRuntimePolicy,
  type RuntimeContext,
  type RuntimeEvent,
  type RuntimeInput,
  type RuntimeOrigin,
} from "../../machines/runtime/events.ts";
import { runtimeMachine } from "../../machines/runtime/machine.ts";
import type { Role } from "../../machines/roles.ts";
import type { ActorEvent } from "../../runtime/store.ts";
import type { Model } from "../../runtime/model/model.ts";

/** The managed runtime as a model: each way to begin is a walk of its own. */

export const policy = { ...defaultRuntimePolicy, crashLoopDeaths: 2 };
export const address = {
  backend: "tmux",
  server: "/tmp/s",
  target: "%1",
  pid: 7,
  pidStartedAt: "99",
} as const;
export const plan = { purpose: "resume", sessionId: "s1", prompt: null } as const;

const origins: Record<RuntimeOrigin["type"], RuntimeOrigin> = {
  launch: { type: "launch", backend: "pty", plan },
  adopt: { type: "adopt", server: "/tmp/s", target: "%1" },
  attach: { type: "attach", pid: 7 },
};

export function inputFor(origin: RuntimeOrigin["type"], management: RuntimeInput["management"] = "managed") {
  const input: Omit<RuntimeInput, "now"> = {
    runtimeId: "rt-7",
    agentId: "a",
    host: "h",
    management,
    origin: origins[origin],
    sessionId: null,
    policy,
  };
  return input;
}

export function event(given: RuntimeEvent): ActorEvent {
  return { ...given };
}
export const asked = (role: Role, by = "ann") => ({ by, role, reason: "because" });
export const observed = (observation: Observation) => event({ type: "terminal.observed", observation });

export const observations: Observation[] = [
  { activity: "unknown" },
  { activity: "idle" },
  { activity: "busy" },
  { activity: "humanTyping" },
  { activity: "dialog", dialog: "permission" },
  { activity: "dialog", dialog: "trust" },
  { activity: "dialog", dialog: "login" },
  { activity: "dialog", dialog: "update" },
  { activity: "limited", limitedUntil: 5 },
];

export const prompt: Prompt = {
  fingerprint: "f".repeat(32),
  text: "Do you want to proceed?\n  1. Yes\n  2. No",
  options: [
    { option: "1", label: "Yes" },
    { option: "2", label: "No" },
  ],
};
export const prompted: Observation = { activity: "dialog", dialog: "permission", prompt };

export function answering(changes: { fingerprint?: string; option?: string } = {}, role: Role = "operator") {
  const { fingerprint } = prompt;
  return event({ type: "answer.requested", fingerprint, option: "1", ...asked(role), ...changes });
}

const mail: Record<RuntimeEvent["type"], ActorEvent[]> = {
  "launch.requested": [
    event({ type: "launch.requested", plan }),
    event({ type: "launch.requested", plan, forced: true }),
  ],
  "terminal.observed": [...observations, prompted].map(observed),
  "heartbeat.received": [
    event({ type: "heartbeat.received", sessionId: null }),
    event({ type: "heartbeat.received", sessionId: "s2" }),
  ],
  "injection.paused": [
    event({ type: "injection.paused", ...asked("participant") }),
    event({ type: "injection.paused", ...asked("operator") }),
  ],
  "injection.resumed": [
    event({ type: "injection.resumed", ...asked("participant") }),
    event({ type: "injection.resumed", ...asked("coordinator") }),
  ],
  "management.changed": [
    event({ type: "management.changed", management: "managed", ...asked("operator") }),
    event({ type: "management.changed", management: "unmanaged", ...asked("operator") }),
    event({ type: "management.changed", management: "unmanaged", ...asked("participant") }),
  ],
  "reconciliation.requested": [event({ type: "reconciliation.requested" })],
  "answer.requested": [answering(), answering({ option: "3" }), answering({}, "coordinator")],
  "host.lost": [event({ type: "host.lost" })],
  "stop.requested": [
    event({ type: "stop.requested", ...asked("participant") }),
    event({ type: "stop.requested", ...asked("operator") }),
  ],
};

export function runtimeModel(input = inputFor("launch")): Model<RuntimeContext> {
  const start = { done: [{ address, sessionId: "s1" }], failed: ["launch_failed"] };
  return {
    machine: runtimeMachine,
    address: "runtime/rt-7",
    input,
    mail: () => mail,
    outcomes: {
      launchTerminal: start,
      adoptTerminal: start,
      watchTerminal: {
        done: [{ exitCode: 1, lastLine: null }],
        failed: ["terminal_missing", "terminal_failed"],
      },
      stopTerminal: { done: [{}], failed: ["terminal_failed"] },
      answerPrompt: {
        done: [{ verdict: "answered" }, { verdict: "refused", reason: "promptChanged" }],
        failed: ["effect_uncertain", "internal"],
      },
    },
    abstraction: ({ value, context, now }) => [
      value,
      context.address !== null,
      context.observation.prompt !== undefined,
      context.deaths.filter((at) => now - at < policy.crashLoopWindowMs).length,
      context.reported?.state,
    ],
  };
}

export const modelInputs = [
  inputFor("launch"),
  inputFor("adopt"),
  inputFor("attach", "unmanaged"),
  inputFor("launch", "unmanaged"),
  inputFor("adopt", "unmanaged"),
];
