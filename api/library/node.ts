import { hostname } from "node:os";
import type { AnyStateMachine } from "xstate";
import type { Address } from "../../machines/mail.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { systemClock, type Clock } from "../../runtime/clock.ts";
import type { Page } from "../../runtime/domain.ts";
import type { Engine } from "../../runtime/engine.ts";
import { RouseError, errorBody, isRouseError } from "../../runtime/errors.ts";
import { createNode as createEngineNode, type NodeTiming } from "../../runtime/node.ts";
import type { AnyPortImplementation } from "../../runtime/ports.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import type { Actor, ActorState } from "./actor.ts";
import { watchChanges } from "./changes.ts";
import type { InputOf } from "./chart-types.ts";
import { createHandle, stateOf, type ActorHandle } from "./handle.ts";
import { openStore, type StoreChoice } from "./open-store.ts";
import { requirePortsImplemented } from "./port-coverage.ts";
import { requireDurable } from "./require-durable.ts";

export interface NodeOptions {
  /** Every kind this node moves; of several versions of one kind the last is used for new actors. */
  actors: readonly Actor[];
  /** What performs the ports of these actors. */
  ports?: readonly AnyPortImplementation[];
  /** Default: an embedded Postgres in the folder `.rouse`. */
  store?: StoreChoice;
  /** Apart from all others in one database. Processes that share it must know the same actors. Default: `library`. */
  workspace?: string;
  /** Default: the system's. With the store in memory, also the store's. */
  clock?: Clock;
  timing?: Partial<NodeTiming>;
  /** Failures that the node survives and tries again. Default: one line on standard error. */
  onError?: (context: string, error: unknown) => void;
  /** Steps of starting the database, which takes some seconds the first time. */
  onProgress?: (step: string) => void;
}

/** Input may be left out where the chart needs none. */
type InputArgument<Machine extends AnyStateMachine> =
  object extends InputOf<Machine> ? [input?: InputOf<Machine>] : [input: InputOf<Machine>];

/** This process's share of the work on one workspace. */
export interface Node extends AsyncDisposable {
  /** A handle; the actor need not exist. */
  actor<Machine extends AnyStateMachine>(kind: Actor<Machine>, id: string): ActorHandle<Machine>;
  /** Throws `already_exists`. */
  create<Machine extends AnyStateMachine>(
    kind: Actor<Machine>,
    id: string,
    ...input: InputArgument<Machine>
  ): Promise<ActorHandle<Machine>>;
  /** The actor as it stands, or a new one: the same call after a crash goes on where it was. */
  ensure<Machine extends AnyStateMachine>(
    kind: Actor<Machine>,
    id: string,
    ...input: InputArgument<Machine>
  ): Promise<ActorHandle<Machine>>;
  /** In order of their addresses. */
  list<Machine extends AnyStateMachine>(
    kind: Actor<Machine>,
    query?: { after?: string; limit?: number },
  ): Promise<Page<ActorState<Machine>>>;
  /** Takes no new work, finishes or hands back what is in hand, closes the store. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Opens the store and starts to work.
 * @throws RouseError machine_forbidden_construct | port_unknown (a port without implementation) | invalid_input |
 *   directory_not_writable | database_unavailable
 */
export async function createNode(options: NodeOptions): Promise<Node> {
  const { actors, ports = [], workspace = "library", clock = systemClock, onError = report } = options;
  for (const actor of actors) requireDurable(actor);
  const registry = new Registry(actors);
  requirePortsImplemented(actors, ports);
  const opened = await openStore({
    choice: options.store ?? { folder: ".rouse" },
    workspace,
    clock,
    onProgress: options.onProgress ?? (() => {}),
  });
  const { store, onChange } = watchChanges(opened.store);
  try {
    await requireOwnWorkspace(store, workspace);
  } catch (error) {
    await opened.close();
    throw error;
  }
  const node = createEngineNode({
    nodeId: opened.nodeId,
    // The id is new, or the folder's lock proves that whoever had it has ended.
    isGone: () => true,
    host: hostname(),
    url: "",
    store,
    doorbell: opened.doorbell,
    registry,
    ports: () => ports,
    clock,
    timing: options.timing ?? {},
    onError(context, error) {
      onError(context, error);
      if (isRouseError(error, "database_unavailable")) void opened.revive();
    },
  });
  node.start();
  const { engine } = node;
  return surface({ engine, store, clock, onChange, known: new Set(actors) }, async () => {
    await node.stop();
    await opened.close();
  });
}

interface Parts {
  engine: Engine;
  store: Store;
  clock: Clock;
  onChange: (listener: () => void) => () => void;
  known: ReadonlySet<Actor>;
}

function surface(parts: Parts, end: () => Promise<void>): Node {
  const { engine, store, known } = parts;
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= end());
  const actor: Node["actor"] = (kind, id) => createHandle(addressOf(requireKnown(known, kind), id), parts);
  const create: Node["create"] = async (kind, id, ...[input]) => {
    const handle = actor(kind, id);
    const request = { kind: kind.kind, address: handle.address, input: input ?? {} };
    await store.transaction((tx) => engine.create(tx, request));
    engine.ring();
    return handle;
  };
  return {
    actor,
    create,
    async ensure(kind, id, ...input) {
      try {
        return await create(kind, id, ...input);
      } catch (error) {
        if (isRouseError(error, "already_exists")) return actor(kind, id);
        throw error;
      }
    },
    async list(kind, { after, limit = 100 } = {}) {
      const query = {
        kind: requireKnown(known, kind).kind,
        limit,
        ...(after === undefined ? {} : { after }),
      };
      const { rows, next } = await store.listActors(query);
      return { rows: rows.map((row) => stateOf(row)), next };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/u;

function addressOf({ kind }: Actor, id: string): Address {
  if (idPattern.test(id)) return `${kind}/${id}`;
  throw new RouseError("invalid_input", `${JSON.stringify(id)} is no id of an actor`, {
    nextStep: "Use letters, digits and . _ : - only, at most 128, a letter or digit first.",
  });
}

function requireKnown(known: ReadonlySet<Actor>, kind: Actor): Actor {
  if (known.has(kind)) return kind;
  throw new RouseError("machine_unknown", `this node was not given the actor ${kind.kind}`, {
    nextStep: "Name it in createNode({ actors }).",
  });
}

/** A node without the coordinator's charts would set the coordinator's actors aside. */
async function requireOwnWorkspace(store: Store, workspace: string): Promise<void> {
  for (const { kind } of registeredMachines) {
    const { rows } = await store.listActors({ kind, limit: 1 });
    if (rows.length === 0) continue;
    throw new RouseError("invalid_input", `workspace ${workspace} holds threads of a coordinator`, {
      nextStep: "Give createNode a workspace of its own.",
    });
  }
}

function report(context: string, error: unknown): void {
  const { code, message } = errorBody(error);
  process.stderr.write(`rouse: ${context}: ${message} (${code})\n`);
}
