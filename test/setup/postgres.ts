import type { TestProject } from "vitest/node";

import { startEmbedded } from "../../persistence/embedded/server.ts";
import { makeServerFolder } from "./server-folder.ts";

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
  const { dir, remove } = await makeServerFolder();
  const server = await startEmbedded({ dir });
  project.provide("postgresUrl", server.url);
  return remove;
}
