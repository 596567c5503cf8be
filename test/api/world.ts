import { RouseError, isRouseError } from "../../runtime/errors.ts";
import { codesOf } from "../../api/http/openapi-problems.ts";
import { createTokenAuthority } from "../../api/auth/token-authority.ts";
import type { Caller } from "../../api/operations/caller.ts";
import { getOperation } from "../../api/operations/list.ts";
import type { Workspace } from "../../api/operations/operation.ts";
import { runOperation, type OperationResult } from "../../api/operations/run-operation.ts";
import { defaultWakePolicy } from "../../machines/participant/contract.ts";
import { registeredMachines } from "../../machines/registry.ts";
import type { Role } from "../../machines/roles.ts";
import { defaultRuntimePolicy } from "../../machines/runtime/events.ts";
import { defaultThreadPolicy } from "../../machines/thread/events.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import { systemIds } from "../../runtime/clock.ts";
import type { AuditEntry } from "../../runtime/domain.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Doorbell, Store } from "../../runtime/store.ts";
import { createEngine } from "../../runtime/command.ts";
import { turn } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";

/** A workspace with the real engine and charts on a given store; nothing moves unless told. */
export interface World {
  store: Store;
  clock: ManualClock;
  workspace: Workspace;
  /** How often the doorbell was rung. */
  rings(): number;
  /** Applies all mail that waits. */
  settle(): Promise<void>;
  /** Runs an operation as this caller. */
  call(name: string, caller: Caller, input: unknown): Promise<OperationResult>;
  audit(): Promise<AuditEntry[]>;
}

export async function createWorld(
  clock = new ManualClock(),
  given?: Store,
  doorbell: Doorbell = createMemoryDoorbell(),
): Promise<World> {
  const store = given ?? createMemoryStore({ workspaceId: "w", clock });
  let rings = 0;
  doorbell.onRing(() => (rings += 1));
  const registry = new Registry(registeredMachines);
  const engine = createEngine({ store, registry, doorbell });
  const workspace: Workspace = {
    engine,
    tokens: await createTokenAuthority({
      ...{ store, clock, ids: systemIds },
      onRing: (listener) => doorbell.onRing(listener),
    }),
    policies: { thread: defaultThreadPolicy, wake: defaultWakePolicy, runtime: defaultRuntimePolicy },
    backend: "tmux",
    checkDefinition: (kind, definition) => {
      if ("unknown" in (definition as object))
        throw new RouseError("invalid_input", `${kind} knows no such field`);
    },
    host: "here",
    ids: systemIds,
    clock,
  };
  return {
    store,
    clock,
    workspace,
    rings: () => rings,
    async settle() {
      while ((await turn({ store, registry, doorbell })) > 0);
    },
    call(name, caller, input) {
      const operation = getOperation(name);
      if (operation === null) throw new Error(`no operation ${name}`);
      return runOperation({ operation, caller, input, workspace, requestId: "request-1" }).catch(
        (error: unknown) => {
          // What the reference does not tell of, no caller can be ready for.
          if (isRouseError(error) && !codesOf(operation).includes(error.code))
            throw new Error(`${name} does not declare ${error.code}`, { cause: error });
          throw error;
        },
      );
    },
    audit: async () => (await store.listAudit({ limit: 100 })).rows,
  };
}

export function callerOf(world: World, agentId: string, role: Role = "participant"): Caller {
  return {
    agentId,
    role,
    workspaceId: world.workspace.engine.workspaceId,
    sessionId: `s-${agentId}`,
    jti: `j-${agentId}`,
  };
}
