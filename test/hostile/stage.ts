import { createHash } from "node:crypto";
import { createTokenAuthority } from "../../api/auth/token-authority.ts";
import { closeServer, listen } from "../../api/http/listen.ts";
import type { HttpLimits } from "../../api/http/limits.ts";
import { buildServer } from "../../api/http/server.ts";
import { getOperation } from "../../api/operations/list.ts";
import type { Workspace } from "../../api/operations/operation.ts";
import { runOperation, type OperationResult } from "../../api/operations/run-operation.ts";
import { defaultWakePolicy } from "../../machines/participant/contract.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { roles, type Role } from "../../machines/roles.ts";
import { defaultRuntimePolicy } from "../../machines/runtime/events.ts";
import { defaultThreadPolicy } from "../../machines/thread/events.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { connect } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { systemClock, type Ids } from "../../runtime/clock.ts";
import { createEngine } from "../../runtime/command.ts";
import { RouseError } from "../../runtime/errors.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import { turn } from "../../runtime/turn.ts";
import { HttpClient } from "./http-client.ts";
import { StateReader } from "./state-reader.ts";

/** One tenant: its engine on the shared database, and a token of each role. Nothing moves unless told. */
export interface Tenant {
  id: string;
  store: Store;
  workspace: Workspace;
  /** A token of the caller with this role: issued anew where the one before was refused. */
  token(role: Role): Promise<string>;
  forgetTokens(): void;
  call(name: string, role: Role, input: object): Promise<OperationResult>;
  /** Applies all mail that waits. */
  settle(): Promise<void>;
}

export interface HostileStage {
  url: string;
  client: HttpClient;
  a: Tenant;
  b: Tenant;
  state: StateReader;
  /** Failures of ours that the server reported. */
  failures: { context: string; error: unknown }[];
  close(): Promise<void>;
}

/** Who calls with which role; `ann` and `bob` are members of what is made in a tenant. */
export const agentOf: Readonly<Record<Role, string>> = {
  participant: "ann",
  coordinator: "cora",
  auditor: "audra",
  operator: "pat",
};

/** Calls come as quickly as they can: how often one may call is tried elsewhere. */
export const boundless: Partial<HttpLimits> = {
  callsPerAgent: 1_000_000,
  callsPerPeer: 1_000_000,
  overloadedDelayMs: 0,
};

/** Two workspaces behind one real server, in one empty database at `databaseUrl`. */
export async function openStage(
  databaseUrl: string,
  limits: Partial<HttpLimits> = {},
): Promise<HostileStage> {
  const database = connect({ url: databaseUrl, max: 8 });
  await migrate(database);
  const [a, b] = await Promise.all([
    openTenant(createPostgresStore({ database, workspaceId: "tenant-a" })),
    openTenant(createPostgresStore({ database, workspaceId: "tenant-b" })),
  ]);
  const failures: HostileStage["failures"] = [];
  const server = buildServer({
    workspaces: [a.workspace, b.workspace],
    version: "0.0.0",
    limits: { ...boundless, ...limits },
    onError: (context, error) => failures.push({ context, error }),
  });
  const url = await listen(server, { bind: "127.0.0.1", port: 0 });
  const client = new HttpClient(url);
  return {
    ...{ url, client, a, b, failures },
    state: new StateReader(database.sql),
    async close() {
      client.close();
      await closeServer(server, 2_000);
      await database.close();
    },
  };
}

/** Of the same life come the same ids, in the same order. */
function countingIds(owner: string): Ids {
  let count = 0;
  return {
    next: () =>
      createHash("sha256")
        .update(`${owner} ${(count += 1)}`)
        .digest("hex")
        .slice(0, 32),
  };
}

async function openTenant(store: Store): Promise<Tenant> {
  const ids = countingIds(store.workspaceId);
  const doorbell = createMemoryDoorbell();
  const registry = new Registry(registeredMachines);
  const engine = createEngine({ store, registry, doorbell });
  const tokens = await createTokenAuthority({ store, clock: systemClock, ids });
  const workspace: Workspace = {
    ...{ engine, tokens, ids, clock: systemClock, backend: "pty", host: "here" },
    policies: { thread: defaultThreadPolicy, wake: defaultWakePolicy, runtime: defaultRuntimePolicy },
    checkDefinition(kind) {
      if (kind === "generic") return;
      throw new RouseError("invalid_input", `there is no agent kind ${kind}`);
    },
  };
  const issued = new Map<Role, Promise<string>>();
  const issue = async (role: Role): Promise<string> => {
    const agentId = agentOf[role];
    const session = { sessionId: `s-${agentId}`, lifetimeMs: 3_600_000, refresh: { forMs: 7_200_000 } };
    return (await tokens.issue({ agentId, role, ...session })).token;
  };
  return {
    ...{ id: store.workspaceId, store, workspace },
    token(role) {
      const token = issued.get(role) ?? issue(role);
      issued.set(role, token);
      return token;
    },
    forgetTokens: () => issued.clear(),
    call(name, role, input) {
      const operation = getOperation(name);
      if (operation === null) throw new Error(`there is no operation ${name}`);
      const agentId = agentOf[role];
      const caller = { agentId, role, workspaceId: store.workspaceId, sessionId: `s-${agentId}`, jti: "j" };
      return runOperation({ operation, caller, input, workspace, requestId: "seed" });
    },
    async settle() {
      while ((await turn({ store, registry, doorbell })) > 0);
    },
  };
}

/** Tokens first: issuing them changes the state that is watched later. */
export async function issueAll(...tenants: Tenant[]): Promise<void> {
  for (const tenant of tenants) for (const role of roles) await tenant.token(role);
}
