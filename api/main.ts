#!/usr/bin/env node
import { stopEmbedded } from "../persistence/embedded/server.ts";
import { errorBody, isRouseError } from "../runtime/errors.ts";
import { homeOf, loadConfig } from "./config.ts";
import type { NodeMessage } from "./node-messages.ts";
import { embeddedFolder } from "./node/database.ts";
import { Home } from "./node/home.ts";
import { serve } from "./node/serve.ts";
import { readSecret } from "./secrets.ts";
import { createRedact, secretsOf } from "./observability/redaction.ts";

/** Composition root. `serve` runs a node until SIGTERM or SIGINT; `stop-database` ends the embedded Postgres; the others are in node/maintenance.ts. */

const [, , command, ...args] = process.argv;

try {
  if (command === "serve") await run();
  else if (command === "stop-database") await stopEmbedded({ dir: embeddedFolder(homeOf(process.env)) });
  else await maintain(command ?? "", args);
} catch (error) {
  fail(error);
}

async function run(): Promise<void> {
  const config = loadConfig(process.env);
  const home = new Home(config.home);
  const serving = await serve({ config, home, onProgress: (step) => tell({ type: "progress", step }) });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void end());
  tell({ type: "ready", node: serving.node });
  // The starter goes away once it knows; an open channel would keep both alive.
  if (process.connected) process.disconnect();

  void endWhenEvicted();

  async function endWhenEvicted(): Promise<void> {
    const error = await serving.evicted;
    await serving.stop().catch(() => {});
    fail(error);
  }

  async function end(): Promise<void> {
    try {
      await serving.stop();
      process.exit(0);
    } catch (error) {
      fail(error);
    }
  }
}

/** Work on the database that needs no node, and must be possible without one. */
async function maintain(name: string, given: readonly string[]): Promise<void> {
  const { runMaintenance } = await import("./node/maintenance.ts");
  const config = loadConfig(process.env);
  const onProgress = (step: string): void => tell({ type: "progress", step });
  tell({ type: "done", report: await runMaintenance(name, given, { config, onProgress }) });
  if (process.connected) process.disconnect();
}

function tell(message: NodeMessage): void {
  if (process.connected) process.send?.(message);
}

function fail(error: unknown): void {
  const { code, message } = errorBody(error);
  const text = createRedact(secretsOf(databaseAddresses(), process.env))(message);
  const nextStep = isRouseError(error) ? (error.nextStep ?? null) : null;
  process.stderr.write(`${JSON.stringify({ code, message: text, nextStep })}\n`);
  const told: NodeMessage = { type: "failed", code, message: text, nextStep };
  if (process.connected) process.send?.(told, endFailed);
  else endFailed();
}

/** Whatever can be had of them: what keeps one from being read may be the failure itself. */
function databaseAddresses(): string[] {
  return (["DATABASE_URL", "DATABASE_DIRECT_URL"] as const).flatMap((name) => {
    try {
      return readSecret(process.env, name) ?? [];
    } catch {
      return [];
    }
  });
}

function endFailed(): never {
  process.exit(1);
}
