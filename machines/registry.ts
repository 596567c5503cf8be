import type { AnyStateMachine } from "xstate";
import type { z } from "zod";
import type { ChartMigration } from "./migration.ts";
import type { PortSpec } from "./port.ts";
import { defaultWakePolicy } from "./participant/contract.ts";
import { defaultNotifierPolicy } from "./notifier/contract.ts";
import { notifierMachine } from "./notifier/machine.ts";
import { postWebhook, ringBell, runCommand } from "./notifier/ports.ts";
import { participantMigrations } from "./participant/migrations.ts";
import { participantMachine } from "./participant/machine.ts";
import { deliverWake, resumeSession, spawnSession } from "./participant/ports.ts";
import { defaultRuntimePolicy } from "./runtime/events.ts";
import { runtimeMachine } from "./runtime/machine.ts";
import { runtimeMigrations } from "./runtime/migrations.ts";
import { adoptTerminal, answerPrompt, launchTerminal, stopTerminal, watchTerminal } from "./runtime/ports.ts";
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
  /** Steps that lead actors of earlier charts to this one. */
  migrations?: readonly ChartMigration[];
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
    version: "2",
    machine: participantMachine,
    ports: [deliverWake, resumeSession, spawnSession],
    policy: defaultWakePolicy,
    migrations: participantMigrations,
  },
  {
    kind: "runtime",
    version: "2",
    machine: runtimeMachine,
    ports: [launchTerminal, adoptTerminal, watchTerminal, stopTerminal, answerPrompt],
    policy: defaultRuntimePolicy,
    migrations: runtimeMigrations,
  },
  {
    kind: "notifier",
    version: "1",
    machine: notifierMachine,
    ports: [postWebhook, runCommand, ringBell],
    policy: defaultNotifierPolicy,
  },
];

/**
 * Charts of releases, by which actors may be stored: for each, golden snapshots are kept (test/fixtures/golden), and it
 * goes on here, as it is or by a migration. A release adds its charts.
 */
export const releasedCharts: readonly { kind: string; version: string; hash: string }[] = [
  { kind: "thread", version: "1", hash: "c87a722d3dcf2a4f" },
  { kind: "participant", version: "1", hash: "aa3186d923acdd88" },
  { kind: "runtime", version: "1", hash: "3a3a36a8c054bc0f" },
];
