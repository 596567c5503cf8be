import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import type { TestProject } from "vitest/node";

import { startEmbedded } from "../../persistence/embedded/server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The server of this test run; tests make databases of their own on it with `createTestDatabase`. */
    postgresUrl: string;
  }
}

/** One server for the whole run: the one of DATABASE_URL, else an embedded one that is gone afterwards. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env["DATABASE_URL"];
  if (given !== undefined && given !== "") {
    project.provide("postgresUrl", given);
    return undefined;
  }
  const dir = await mkdtemp(path.join(tmpdir(), "rouse-test-postgres-"));
  // When root starts it the server runs as another user, who has to pass through.
  await chmod(dir, 0o711);
  const cleanUp = cleanUpAfterUs(dir);
  const server = await startEmbedded({ dir });
  project.provide("postgresUrl", server.url);
  return cleanUp;
}

/** A process that sees its standard input end when we do, also by Ctrl-C or kill -9, and then removes the server. */
function cleanUpAfterUs(dir: string): () => Promise<void> {
  const script = fileURLToPath(new URL("remove-server.ts", import.meta.url));
  const cleaner = spawn(process.execPath, [script, dir], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
  });
  cleaner.unref();
  return async () => {
    const exited = once(cleaner, "exit");
    cleaner.stdin.end();
    await exited;
  };
}
