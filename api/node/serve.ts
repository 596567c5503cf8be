import type { Logger } from "pino";
import { agentKinds, readAgentProgram } from "../../adapters/agents/registry.ts";
import type { WorldOptions } from "../../adapters/ports/world.ts";
import { createWorldPorts } from "../../adapters/ports/create.ts";
import { sweepTerminals } from "../../adapters/ports/sweep-terminals.ts";
import { processStartedAt } from "../../adapters/terminals/process-table.ts";
import { withLock } from "../../persistence/embedded/lock.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { systemClock, systemIds } from "../../runtime/clock.ts";
import { RouseError, isRouseError } from "../../runtime/errors.ts";
import { createNode, defaultTiming, type Node } from "../../runtime/node.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
import { keyEncryption } from "../auth/key-encryption.ts";
import { createTokenAuthority } from "../auth/token-authority.ts";
import type { Config } from "../config.ts";
import { closeServer, listen } from "../http/listen.ts";
import { buildServer } from "../http/server.ts";
import type { NodeFile } from "../node-messages.ts";
import { exposedSecrets, readSecret } from "../secrets.ts";
import { createRedact, secretsOf } from "../observability/redaction.ts";
import { pausedBy } from "../operations/injection-switch.ts";
import { compileContentFilter } from "../operations/content-filter.ts";
import type { Workspace } from "../operations/operation.ts";
import type { TokenAuthority } from "../operations/tokens.ts";
import { openDatabase, type OpenDatabase } from "./database.ts";
import type { Home } from "./home.ts";
import { interposeDatabase, interposeTerminals, type Interposition } from "./interposition.ts";
import { createCredentials } from "./credentials.ts";
import { isGone, joinOthers, ownProcess } from "./join.ts";
import { createLogger, logDestination, logFailure } from "./logger.ts";
import { notifierPorts, settleNotifiers } from "./notifiers.ts";
import { openObservability, type Observability } from "./observability.ts";
import { packageVersion } from "./package-version.ts";
import { keepOperatorToken } from "./operator-token.ts";
import { startRetention } from "./retention.ts";
import { stdioServerOf } from "./stdio-server.ts";
import { TokenFiles } from "./token-files.ts";
import { openTerminals, type Terminals } from "./terminals.ts";

/** Starts one node from nothing: database → terminals → engine → server → loops. Stops in the opposite order. */

export interface Serving {
  node: NodeFile;
  /** Resolves when another process holds the node's id: this one takes no more work and has to be stopped. */
  evicted: Promise<Error>;
  /** Drains, then ends. Idempotent. */
  stop: () => Promise<void>;
}

export interface ServeOptions {
  config: Config;
  home: Home;
  onProgress: (step: string) => void;
  /** For tests. */
  interposition?: Interposition;
}

type OnError = (context: string, error: unknown) => void;

const requestsEndWithinMs = 5_000;
/** The first start of all copies and makes a database. */
const startsWithinMs = 120_000;

/** Throws `already_exists` when a node of this home runs, `node_id_taken`, and whatever its parts throw. */
export async function serve(options: ServeOptions): Promise<Serving> {
  options.home.prepare();
  // Held until the node file is written, so that of two that start at once one sees the other.
  return withLock(options.home.path, startsWithinMs, () => {
    requireAlone(options.home);
    return start(options);
  });
}

async function start(options: ServeOptions): Promise<Serving> {
  const { config, home, onProgress, interposition } = options;
  const nodeId = home.nodeId();
  const logger = openLogger(config, nodeId);
  for (const exposure of exposedSecrets(process.env)) logger.warn(exposure);
  const opened = interposeDatabase(await openDatabase(config, onProgress), interposition);
  const version = packageVersion();
  const { store, figures } = opened;
  const watched = { config, nodeId, version, store, figures, logger, environment: process.env };
  const observability = await openObservability(watched);
  const database = { ...opened, store: observability.store };
  try {
    onProgress("Looking for terminals");
    const found = await openTerminals({
      folder: home.folder("terminals"),
      clock: systemClock,
      preferred: config.terminal,
    });
    logTerminals(logger, found);
    const terminals = interposeTerminals(found, interposition);
    return await serveWith({ ...options, nodeId, version, logger, database, terminals, observability });
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

function openLogger(config: Config, nodeId: string): Logger {
  const redact = createRedact(nodeSecrets(config));
  const base = { node: nodeId, workspace: config.workspace };
  return createLogger({ level: config.logLevel, base, redact, destination: logDestination(config) });
}

function nodeSecrets({ databaseUrl, databaseDirectUrl, webhookSecret }: Config): string[] {
  const known = secretsOf([databaseUrl, databaseDirectUrl], process.env);
  return webhookSecret === undefined ? known : [...known, webhookSecret];
}

interface Parts extends ServeOptions {
  nodeId: string;
  version: string;
  observability: Observability;
  logger: Logger;
  database: OpenDatabase;
  terminals: Terminals;
}

async function serveWith(parts: Parts): Promise<Serving> {
  const { logger, database, observability, onProgress } = parts;
  const { store, doorbell } = database;
  const tokens = await createTokenAuthority({
    ...{ store, clock: systemClock, ids: systemIds, policy: parts.config.tokens },
    encryption: keyEncryption(readSecret(process.env, "ROUSE_KEY_ENCRYPTION_KEY")),
    onRing: (listener) => doorbell.onRing(listener),
  });
  const address = { url: "" };
  const onError: OnError = (context, error) => {
    logFailure(logger, context, error);
    observability.nodeFailed(error);
    if (isRouseError(error, "database_unavailable")) void database.revive();
  };
  const evicted = Promise.withResolvers<Error>();
  const files = new TokenFiles({ folder: parts.home.folder("tokens"), store, tokens, onError });
  const node = buildNode(parts, { tokens, files, address, onError, onEvicted: evicted.resolve });
  onProgress("Joining the other nodes");
  const { nodeLostMs } = { ...defaultTiming, ...parts.interposition?.timing };
  await joinOthers(node, { onProgress, nodeLostMs });
  try {
    return await open(parts, { node, tokens, files, address, onError, evicted: evicted.promise });
  } catch (error) {
    await node.stop();
    throw error;
  }
}

interface Joined {
  node: Node;
  tokens: TokenAuthority;
  /** Of the programs launched here. */
  files: TokenFiles;
  /** Its URL is known once the port is open. */
  address: { url: string };
  onError: OnError;
  evicted: Promise<Error>;
}

async function open(
  parts: Parts,
  { node, tokens, files, address, onError, evicted }: Joined,
): Promise<Serving> {
  const { config, home, nodeId, version, logger, database, observability, onProgress } = parts;
  const workspace = buildWorkspace(parts, tokens, node);
  const observe = observability.observeServer;
  const allowed = { hosts: config.allowedHosts, origins: config.allowedOrigins };
  const limits = config.http;
  const server = buildServer({ workspaces: [workspace], version, allowed, limits, onError, observe });
  onProgress("Opening the port");
  address.url = await listen(server, config);
  const endRenewal = await keepOperatorToken({ home, tokens, onError });
  await settleNotifiers(node.engine, config);
  node.start();
  files.start();
  const endRetention = startRetention({ ...database, retention: config.retention, onError });
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
    await files.stop();
    await endRetention();
    await closeServer(server, requestsEndWithinMs);
    await node.stop();
    await observability.close();
    await Promise.all(Object.values(parts.terminals.byBackend).map((terminal) => terminal.close()));
    await database.close();
    home.removeNodeFile();
    logger.info("stopped");
  };
  return { node: file, evicted, stop: () => (stopping ??= stop()) };
}

function buildNode(
  { config, home, nodeId, database, terminals, interposition }: Parts,
  {
    tokens,
    files,
    address,
    onError,
    onEvicted,
  }: Omit<Joined, "node" | "evicted"> & { onEvicted: (error: Error) => void },
): Node {
  const own = ownProcess();
  return createNode({
    ...(own === undefined ? {} : { process: own }),
    isGone,
    onEvicted,
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
    timing: interposition?.timing ?? {},
    chores: [sweepTerminals({ terminals: terminals.byBackend, store: database.store })],
    ports: (engine) => [
      ...Object.values(notifierPorts(config, terminals.byBackend)),
      ...createWorldPorts({
        host: config.host,
        terminals: terminals.byBackend,
        launchBackend: terminals.preferred,
        kinds: agentKinds,
        agentFolders: home.folder("agents"),
        isPaused: (wake) => isPaused(database.store, wake),
        credentials: createCredentials(tokens, files),
        // Known only once the port is open, and needed only when an agent is launched.
        get mcpUrl() {
          return `${address.url}/mcp`;
        },
        stdioServer: stdioServerOf(home.path),
        baseEnv: process.env,
        clock: systemClock,
        engine,
        runtimePolicy: config.runtime,
        quietWindowMs: config.wake.quietWindowMs,
        wakesPerMinute: { agent: config.wakesPerMinute, thread: config.threadWakesPerMinute },
      }),
    ],
  });
}

function buildWorkspace(
  { config, terminals, observability }: Parts,
  tokens: TokenAuthority,
  { engine }: Node,
): Workspace {
  const contentFilter = compileContentFilter(config.contentFilter);
  return {
    engine,
    tokens,
    policies: { thread: config.thread, wake: config.wake, runtime: config.runtime },
    backend: terminals.preferred,
    host: config.host,
    ids: systemIds,
    clock: systemClock,
    ...(contentFilter === undefined ? {} : { contentFilter }),
    aroundCall: observability.aroundCall,
    checkDefinition: (kind, definition) => void readAgentProgram(agentKinds, kind, definition),
  };
}

function isPaused(store: Store, wake: Parameters<WorldOptions["isPaused"]>[0]): Promise<boolean> {
  const asks = async (tx: Transaction) => (await pausedBy(tx, wake)).length > 0;
  return store.transaction(asks, { readOnly: true });
}

function logTerminals(logger: Logger, { preferred, missing }: Terminals): void {
  for (const { backend, reason } of missing)
    logger.warn({ backend, reason }, "terminal backend not available");
  logger.info({ preferred }, "terminals ready");
}
