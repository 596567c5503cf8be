#!/usr/bin/env node
import { stopEmbedded } from "../persistence/embedded/server.ts";
import { errorBody, isRouseError } from "../runtime/errors.ts";
import { homeOf, loadConfig } from "./config.ts";
import type { NodeMessage } from "./node-messages.ts";
import { embeddedFolder } from "./node/database.ts";
import { Home } from "./node/home.ts";
import { serve } from "./node/serve.ts";

/** Composition root. `serve` runs a node until SIGTERM or SIGINT; `stop-database` ends the embedded Postgres. */

const [, , command] = process.argv;

try {
  if (command === "serve") await run();
  else if (command === "stop-database") await stopEmbedded({ dir: embeddedFolder(homeOf(process.env)) });
  else throw new Error(`unknown command ${command ?? ""}: use serve or stop-database`);
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

  async function end(): Promise<void> {
    try {
      await serving.stop();
      process.exit(0);
    } catch (error) {
      fail(error);
    }
  }
}

function tell(message: NodeMessage): void {
  if (process.connected) process.send?.(message);
}

function fail(error: unknown): void {
  const { code, message: text } = errorBody(error);
  const nextStep = isRouseError(error) ? (error.nextStep ?? null) : null;
  process.stderr.write(`${JSON.stringify({ code, message: text, nextStep })}\n`);
  const message: NodeMessage = { type: "failed", code, message: text, nextStep };
  if (process.connected) process.send?.(message, endFailed);
  else endFailed();
}

function endFailed(): never {
  process.exit(1);
}
