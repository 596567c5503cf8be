import { readFileSync } from "node:fs";
import type { Logger } from "pino";
import { agentKinds, readAgentProgram } from "../../adapters/agents/registry.ts";
import { createWorldPorts } from "../../adapters/ports/create.ts";
import { processStartedAt } from "../../adapters/terminals/process-table.ts";
import { withLock } from "../../persistence/embedded/lock.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { systemClock, systemIds } from "../../runtime/clock.ts";
import { RouseError, isRouseError } from "../../runtime/errors.ts";
import { createNode, type Node } from "../../runtime/node.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
import { createTokenAuthority } from "../auth/token-authority.ts";
import type { Config } from "../config.ts";
import { closeServer, listen } from "../http/listen.ts";
import { buildServer } from "../http/server.ts";
import type { NodeFile } from "../node-messages.ts";
import { pausedBy } from "../operations/injection-switch.ts";
import type { Workspace } from "../operations/operation.ts";
import { longestLifetimeMs, type TokenAuthority } from "../operations/tokens.ts";
import { openDatabase, type OpenDatabase } from "./database.ts";
import type { Home } from "./home.ts";
import { createLogger, logFailure } from "./logger.ts";
import { openTerminals, type Terminals } from "./terminals.ts";

/** Starts one node from nothing: database → terminals → engine → server → loops. Stops in the opposite order. */

export interface Serving {
  node: NodeFile;
  /** Drains, then ends. Idempotent. */
  stop: () => Promise<void>;
}

export interface ServeOptions {
  config: Config;
  home: Home;
  onProgress: (step: string) => void;
}

type OnError = (context: string, error: unknown) => void;

const operatorTokenRenewalMs = 3_600_000;
const requestsEndWithinMs = 5_000;
/** The first start of all copies and makes a database. */
const startsWithinMs = 120_000;

/** Throws `already_exists` when a node of this home runs, and whatever its parts throw. */
export async function serve(options: ServeOptions): Promise<Serving> {
  options.home.prepare();
  // Held until the node file is written, so that of two that start at once one sees the other.
  return withLock(options.home.path, startsWithinMs, () => {
    requireAlone(options.home);
    return start(options);
  });
}

async function start({ config, home, onProgress }: ServeOptions): Promise<Serving> {
  const nodeId = home.nodeId();
  const logger = createLogger(config.logLevel, { node: nodeId, workspace: config.workspace });
  const database = await openDatabase(config, onProgress);
  try {
    onProgress("Looking for terminals");
    const terminals = await openTerminals({
      folder: home.folder("terminals"),
      clock: systemClock,
      preferred: config.terminal,
    });
    logTerminals(logger, terminals);
    return await serveWith({ config, home, nodeId, logger, database, terminals, onProgress });
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Two nodes under one id would take each other's leases for their own. */
function requireAlone(home: Home): void {
  const other = home.readNodeFile();
  if (other === null || other.pidStartedAt === null) return;
  if (processStartedAt(other.pid) !== other.pidStartedAt) return;
  throw new RouseError("already_exists", `a node runs already, as process ${other.pid} at ${other.url}`, {
    nextStep: "Use it, or end it with rouse down.",
  });
}

interface Parts extends ServeOptions {
  nodeId: string;
  logger: Logger;
  database: OpenDatabase;
  terminals: Terminals;
}

async function serveWith(parts: Parts): Promise<Serving> {
  const { config, home, nodeId, logger, database, onProgress } = parts;
  const tokens = await createTokenAuthority({ store: database.store, clock: systemClock, ids: systemIds });
  const address = { url: "" };
  const onError: OnError = (context, error) => {
    logFailure(logger, context, error);
    if (isRouseError(error, "database_unavailable")) void database.revive();
  };
  const node = buildNode(parts, { tokens, address, onError });
  const workspace = buildWorkspace(parts, tokens, node);
  const version = packageVersion();
  const server = buildServer({ workspaces: [workspace], version, onError });
  onProgress("Opening the port");
  address.url = await listen(server, config);
  const endRenewal = await keepOperatorToken(home, tokens, onError);
  node.start();
  const file: NodeFile = {
    url: address.url,
    pid: process.pid,
    pidStartedAt: processStartedAt(process.pid),
    nodeId,
    version,
    workspace: config.workspace,
    startedAt: Date.now(),
  };
  home.writeNodeFile(file);
  logger.info({ url: file.url }, "ready");
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    logger.info("draining");
    endRenewal();
    await closeServer(server, requestsEndWithinMs);
    await node.stop();
    await Promise.all(Object.values(parts.terminals.byBackend).map((terminal) => terminal.close()));
    await database.close();
    home.removeNodeFile();
    logger.info("stopped");
  };
  return { node: file, stop: () => (stopping ??= stop()) };
}

function buildNode(
  { config, nodeId, database, terminals }: Parts,
  { tokens, address, onError }: { tokens: TokenAuthority; address: { url: string }; onError: OnError },
): Node {
  return createNode({
    nodeId,
    host: config.host,
    get url() {
      return address.url;
    },
    store: database.store,
    doorbell: database.doorbell,
    registry: new Registry(registeredMachines),
    clock: systemClock,
    onError,
    ports: (engine) =>
      createWorldPorts({
        host: config.host,
        terminals: terminals.byBackend,
        launchBackend: terminals.preferred,
        kinds: agentKinds,
        isPaused: (agentId) => isPaused(database.store, agentId),
        credentials: { tokenFor: (owner) => tokenFor(tokens, owner) },
        // Known only once the port is open, and needed only when an agent is launched.
        get mcpUrl() {
          return `${address.url}/mcp`;
        },
        baseEnv: process.env,
        clock: systemClock,
        engine,
        runtimePolicy: config.runtime,
        quietWindowMs: config.wake.quietWindowMs,
        wakesPerMinute: { agent: config.wakesPerMinute, thread: config.threadWakesPerMinute },
      }),
  });
}

function buildWorkspace({ config, terminals }: Parts, tokens: TokenAuthority, { engine }: Node): Workspace {
  return {
    engine,
    tokens,
    policies: { thread: config.thread, wake: config.wake, runtime: config.runtime },
    backend: terminals.preferred,
    host: config.host,
    ids: systemIds,
    clock: systemClock,
    checkDefinition: (kind, definition) => void readAgentProgram(agentKinds, kind, definition),
  };
}

function isPaused(store: Store, agentId: string): Promise<boolean> {
  const asks = async (tx: Transaction) => (await pausedBy(tx, await tx.getAgent(agentId))).length > 0;
  return store.transaction(asks, { readOnly: true });
}

async function tokenFor(
  tokens: TokenAuthority,
  owner: { agentId: string; sessionId: string | null; runtimeId: string },
): Promise<string> {
  const { token } = await tokens.issue({
    agentId: owner.agentId,
    role: "participant",
    sessionId: owner.sessionId ?? owner.runtimeId,
    lifetimeMs: longestLifetimeMs,
  });
  return token;
}

/** The CLI of the same user reads it; it is renewed long before it expires. */
async function keepOperatorToken(home: Home, tokens: TokenAuthority, onError: OnError): Promise<() => void> {
  const renew = async (): Promise<void> => {
    const request = {
      agentId: "operator",
      role: "operator",
      sessionId: "cli",
      lifetimeMs: longestLifetimeMs,
    } as const;
    home.writeOperatorToken((await tokens.issue(request)).token);
  };
  await renew();
  const timer = setInterval(() => {
    renew().catch((error: unknown) => onError("operator token", error));
  }, operatorTokenRenewalMs);
  return () => clearInterval(timer);
}

function logTerminals(logger: Logger, { preferred, missing }: Terminals): void {
  for (const { backend, reason } of missing)
    logger.warn({ backend, reason }, "terminal backend not available");
  logger.info({ preferred }, "terminals ready");
}

function packageVersion(): string {
  // The same relative place in the repository and, from dist/api/node, in the package.
  for (const candidate of ["../../package.json", "../../../package.json"]) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(candidate, import.meta.url), "utf8")) as {
        version: string;
      };
      return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "unknown";
}
