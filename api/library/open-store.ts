import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { withLock } from "../../persistence/embedded/lock.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import type { Clock } from "../../runtime/clock.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type { Doorbell, Store } from "../../runtime/store.ts";
import { openDatabase } from "../node/database.ts";
import { Home } from "../node/home.ts";

/**
 * Where actors live. `folder`: an embedded Postgres in that folder, started when it does not run, which outlives this
 * process. `url`: your own Postgres. `memory`: nowhere; for tests.
 */
export type StoreChoice = "memory" | { folder: string } | { url: string };

export interface OpenStore {
  store: Store;
  doorbell: Doorbell;
  /** The same after a restart where only one process of a folder runs: it takes its own work back at once. */
  nodeId: string;
  revive: () => Promise<void>;
  close: () => Promise<void>;
}

export interface OpenStoreOptions {
  choice: StoreChoice;
  workspace: string;
  clock: Clock;
  onProgress: (step: string) => void;
}

/** Throws `directory_not_writable`, `database_unavailable` and the other failures of starting Postgres. */
export async function openStore({
  choice,
  workspace,
  clock,
  onProgress,
}: OpenStoreOptions): Promise<OpenStore> {
  if (choice === "memory") {
    const store = createMemoryStore({ workspaceId: workspace, clock });
    const doorbell = createMemoryDoorbell();
    return { store, doorbell, nodeId: "node-1", revive: async () => {}, close: () => doorbell.close() };
  }
  const strangerId = `node-${randomUUID().slice(0, 8)}`;
  if ("url" in choice) {
    const database = await openDatabase({ home: "", workspace, databaseUrl: choice.url }, onProgress);
    return { ...database, nodeId: strangerId };
  }
  const home = new Home(resolve(choice.folder));
  home.prepare();
  const release = await takeNodeId(home);
  try {
    const database = await openDatabase({ home: home.path, workspace }, onProgress);
    return {
      ...database,
      nodeId: release === null ? strangerId : home.nodeId(),
      close: async () => {
        await database.close();
        await release?.();
      },
    };
  } catch (error) {
    await release?.();
    throw error;
  }
}

/** Null when another living process of this folder has the id. A killed one has it no more. */
async function takeNodeId(home: Home): Promise<(() => Promise<void>) | null> {
  const folder = home.folder("node");
  mkdirSync(folder, { recursive: true });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  return new Promise((taken, failed) => {
    const holding = withLock(folder, 0, () => {
      taken(async () => {
        release();
        await holding;
      });
      return released;
    });
    holding.catch((error: unknown) =>
      isRouseError(error, "database_unavailable") ? taken(null) : failed(error as Error),
    );
  });
}
