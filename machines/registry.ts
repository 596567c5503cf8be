import type { AnyStateMachine } from "xstate";
import type { z } from "zod";
import type { PortSpec } from "./port.ts";
import { defaultWakePolicy } from "./participant/contract.ts";
import { participantMachine } from "./participant/machine.ts";
import { deliverWake, resumeSession, spawnSession } from "./participant/ports.ts";
import { defaultRuntimePolicy } from "./runtime/events.ts";
import { runtimeMachine } from "./runtime/machine.ts";
import { adoptTerminal, launchTerminal, stopTerminal, watchTerminal } from "./runtime/ports.ts";
import { defaultThreadPolicy } from "./thread/events.ts";
import { threadMachine } from "./thread/machine.ts";

/** A chart of any kind, its types forgotten. */
export type Chart = AnyStateMachine;

/** A port of any input and output; the schemas still check them. Methods, so that ports of any input type fit. */
export interface RegisteredPort extends Pick<
  PortSpec<unknown, unknown>,
  "name" | "summary" | "repeat" | "retry" | "timeoutMs"
> {
  input: z.ZodType;
  output: z.ZodType;
  host?(input: unknown): string;
  exclusive?(input: unknown): string;
  correlation?(input: unknown): string;
}

/** One released version of a chart. */
export interface RegisteredMachine {
  kind: string;
  version: string;
  machine: Chart;
  /** Every port that the chart invokes. */
  ports: readonly RegisteredPort[];
  /** Default figures for actors of this kind. */
  policy: object;
}

/** All versions this program knows. Of a kind's versions the last one listed is used for new actors. */
export const registeredMachines: readonly RegisteredMachine[] = [
  {
    kind: "thread",
    version: "1",
    machine: threadMachine,
    ports: [],
    policy: defaultThreadPolicy,
  },
  {
    kind: "participant",
    version: "1",
    machine: participantMachine,
    ports: [deliverWake, resumeSession, spawnSession],
    policy: defaultWakePolicy,
  },
  {
    kind: "runtime",
    version: "1",
    machine: runtimeMachine,
    ports: [launchTerminal, adoptTerminal, watchTerminal, stopTerminal],
    policy: defaultRuntimePolicy,
  },
];
