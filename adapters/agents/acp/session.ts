import { type Clock, delay } from "../../../runtime/clock.ts";
import { printableLine } from "../../../runtime/printable.ts";
import { type JsonRpcLink, RpcRefusal } from "../json-rpc.ts";
import { reasonOf } from "./failures.ts";
import type { HostOptions } from "./host-options.ts";
import { authRequired, initialized, type Initialized, newSession, protocolVersion } from "./messages.ts";

export interface OpenSession {
  sessionId: string;
  /** Whether the agent can bring it back in another process. */
  canResume: boolean;
  /** As the agent calls itself. */
  agent: string;
}

/** The agent wants a sign-in that we cannot give; the message tells how. */
export class SignInWanted extends Error {}

/** Why the agent cannot be used, in words for people. */
export class SessionRefused extends Error {}

interface Connection {
  link: JsonRpcLink;
  clock: Clock;
}

interface Opening extends Connection {
  options: HostOptions;
  token: string;
  mcpUrl: string;
  /** Whether the agent has sent no update for so long. */
  isQuiet: (forMs: number) => boolean;
}

/** Agents are large programs, and some ask the network first. */
const answersWithinMs = 120_000;
const quietMs = 250;
const quietWithinMs = 5_000;
const lookEveryMs = 50;

/** Throws `SignInWanted`, `SessionRefused`, or what broke the connection. */
export async function openSession(opening: Opening): Promise<OpenSession> {
  const { options } = opening;
  const agent = await initialize(opening);
  const { loadSession, sessionCapabilities } = agent.agentCapabilities;
  const hasResume = (sessionCapabilities.resume ?? null) !== null;
  const canResume = loadSession || hasResume;
  if (options.authMethod !== undefined) await signIn(opening, agent);
  const { mcpUrl, token } = opening;
  const headers = [{ name: "Authorization", value: `Bearer ${token}` }];
  const place = { cwd: options.cwd, mcpServers: [{ type: "http", name: "rouse", url: mcpUrl, headers }] };
  if (options.sessionId !== null && !canResume)
    throw new SessionRefused("the agent cannot bring sessions back");
  const sessionId = await begin(opening, agent, {
    place,
    method: loadSession ? "session/load" : "session/resume",
  });
  await untilQuiet(opening);
  if (options.mode !== undefined) {
    await ask(opening, "session/set_mode", { sessionId, modeId: options.mode }, "take its mode");
  }
  const { name = "an agent", title, version } = agent.agentInfo ?? {};
  return { sessionId, canResume, agent: printableLine(`${title ?? name} ${version ?? ""}`).slice(0, 60) };
}

/** Throws `SessionRefused`, or what broke the connection. */
export async function initialize(opening: Connection): Promise<Initialized> {
  const answer = await ask(
    opening,
    "initialize",
    {
      protocolVersion,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: "rouse", title: "Rouse", version: "1" },
    },
    "begin",
  );
  const { data } = initialized.safeParse(answer);
  if (data === undefined) throw new SessionRefused("what it answers is not the Agent Client Protocol");
  if (data.protocolVersion !== protocolVersion) {
    throw new SessionRefused(
      `it speaks version ${data.protocolVersion} of the protocol, not ${protocolVersion}`,
    );
  }
  if (!data.agentCapabilities.mcpCapabilities.http)
    throw new SessionRefused("it takes no MCP servers over HTTP, so it would not have our tools");
  return data;
}

async function signIn(opening: Opening, { authMethods }: Initialized): Promise<void> {
  const methodId = opening.options.authMethod ?? "";
  try {
    await ask(opening, "authenticate", { methodId }, "sign in");
  } catch (error) {
    if (!(error instanceof SessionRefused)) throw error;
    throw wanted(error.message, authMethods);
  }
}

interface Beginning {
  place: { cwd: string; mcpServers: object[] };
  method: "session/load" | "session/resume";
}

/** Id of the session that is open then. */
async function begin(opening: Opening, agent: Initialized, { place, method }: Beginning): Promise<string> {
  const { sessionId } = opening.options;
  try {
    if (sessionId !== null) {
      await ask(opening, method, { ...place, sessionId }, `bring session ${sessionId} back`);
      return sessionId;
    }
    const { data } = newSession.safeParse(await ask(opening, "session/new", place, "open a session"));
    if (data === undefined) throw new SessionRefused("it opened a session and told no id");
    return data.sessionId;
  } catch (error) {
    const isSignIn = error instanceof SessionRefused && error.cause instanceof RpcRefusal;
    if (!isSignIn || (error.cause as RpcRefusal).code !== authRequired) throw error;
    throw wanted(error.message, agent.authMethods);
  }
}

function wanted(reason: string, methods: Initialized["authMethods"]): SignInWanted {
  const names = methods.map(({ id }) => id).join(", ");
  const how = "sign in with the agent's own program, or name an authMethod in its definition";
  return new SignInWanted(`${reason}; ${how}${names === "" ? "" : ` (it has: ${names})`}`);
}

/** Some send the history after they have answered: it must not be taken for the first turn. */
async function untilQuiet({ clock, isQuiet }: Opening): Promise<void> {
  const deadline = clock.now() + quietWithinMs;
  await delay(clock, lookEveryMs);
  while (!isQuiet(quietMs) && clock.now() < deadline) await delay(clock, lookEveryMs);
}

/** `what`: it was asked to do. */
async function ask(
  { link, clock }: Connection,
  method: string,
  params: object,
  what: string,
): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(answersWithinMs, () =>
    reject(new SessionRefused(`the agent did not ${what} within ${answersWithinMs / 1_000} seconds`)),
  );
  try {
    return await Promise.race([link.call(method, params), promise]);
  } catch (error) {
    if (!(error instanceof RpcRefusal)) throw error;
    throw new SessionRefused(`the agent does not ${what}: ${printableLine(reasonOf(error))}`, {
      cause: error,
    });
  } finally {
    cancel();
  }
}
