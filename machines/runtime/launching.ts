import { failureOf } from "../failure.ts";
import type { TerminalAddressRecord } from "./ports.ts";
import { adoptInput, launchInput, runtimeSetup } from "./setup.ts";

interface Started {
  address: TerminalAddressRecord;
  sessionId: string | null;
}
const started = ({ event }: { event: { output: Started } }) => ({ output: event.output });
const notStarted = ({ event }: { event: { error: unknown } }) => ({
  detail: `could not be started: ${failureOf(event.error).message}`,
});
/** What a launch and an adoption lead to. A stop that was asked for meanwhile comes first, so that no terminal is left over. */
const startOutcomes = {
  onDone: [
    {
      guard: "isStopping",
      target: "#runtime.present.lifecycle.stopping",
      actions: { type: "noteTerminal", params: started },
    },
    {
      target: "#runtime.present.lifecycle.live",
      actions: ["noteSeen", { type: "noteTerminal", params: started }],
    },
  ],
  onError: [
    { guard: "isStopping", target: "#runtime.deregistered" },
    { target: "#runtime.present.lifecycle.died", actions: { type: "noteDetail", params: notStarted } },
  ],
} as const;

export const launching = runtimeSetup.createStateConfig({
  description:
    "Its terminal is being made or taken over. Leaves when the host reports success or failure, or not in time.",
  initial: "starting",
  entry: { type: "report", params: { state: "launching" } },
  on: {
    "heartbeat.received": {
      actions: ["noteSeen", "noteSession", { type: "report", params: { state: null } }],
    },
    "stop.requested": { guard: "mayStop", actions: { type: "report", params: { state: "deregistered" } } },
    "host.lost": [
      { guard: "isStopping", target: "#runtime.deregistered" },
      { target: "dead", actions: { type: "noteDetail", params: { detail: "its host is gone" } } },
    ],
  },
  after: {
    launchTimeout: [
      { guard: "isStopping", target: "#runtime.deregistered" },
      {
        target: "dead",
        actions: { type: "noteDetail", params: { detail: "its host did not start it in time" } },
      },
    ],
  },
  states: {
    starting: {
      description: "The host starts the program in a new terminal.",
      tags: "busy",
      invoke: { id: "launchTerminal", src: "launchTerminal", input: launchInput, ...startOutcomes },
    },
    adopting: {
      description: "The host takes over a pane that exists already.",
      tags: "busy",
      invoke: { id: "adoptTerminal", src: "adoptTerminal", input: adoptInput, ...startOutcomes },
    },
  },
});
