import { randomUUID } from "node:crypto";
import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { secretFile } from "../../secrets.ts";
import { defineCommand } from "../command.ts";
import { findConnection, findUrl, givenToken } from "../connection.ts";
import type { Invocation } from "../invocation.ts";
import { takeLines } from "../mcp/lines.ts";
import { NodeLink } from "../mcp/node-link.ts";
import { Proxy } from "../mcp/proxy.ts";
import { TokenSource } from "../mcp/token-source.ts";
import { durationMs } from "../options.ts";
import { requestOperation } from "../request.ts";

/** Longer than a node takes to start again, shorter than clients wait for a call. */
const patienceMs = 45_000;

interface Given {
  agent?: string;
  session?: string;
  tokenFile?: string;
  token?: string;
  url?: string;
  patience?: number;
}

export const mcp = defineCommand<Given>({
  usage: "mcp",
  summary: "Speak MCP over standard input and output, for clients that cannot do HTTP or keep a token fresh.",
  remarks:
    "The token is the one of --token or ROUSE_TOKEN, else of the file, else one that is made for --agent as this home's operator. It is refreshed where it can be. Nothing but the protocol goes to standard output.",
  options: [
    new Option("--agent <agent>", "whom to speak as, on the host of the node"),
    new Option("--session <session>", "session that the token is bound to; left out: a new one"),
    new Option(
      "--token-file <path>",
      "read the token here, again whenever it changes; default: ROUSE_TOKEN_FILE",
    ),
    new Option("--patience <time>", "how long to wait for a node that is away; default: 45s").argParser(
      durationMs,
    ),
  ],
  examples: [
    "mcp --agent reviewer-1",
    "mcp --url http://node-1:7717 --token-file /run/rouse/reviewer-1.token",
  ],
  run: (invocation, given) => serve(invocation, given),
});

async function serve(invocation: Invocation, given: Given): Promise<void> {
  const { environment, err, now } = invocation.surroundings;
  const url = (): string => findUrl(given, environment);
  const tokens = new TokenSource({
    origin: {
      // As text only: the file is read again whenever it changes.
      token: givenToken(given, { ROUSE_TOKEN: environment["ROUSE_TOKEN"] }),
      file: given.tokenFile ?? secretFile(environment, "ROUSE_TOKEN") ?? undefined,
      issue: given.agent === undefined ? null : () => issueFor(given, environment),
    },
    url,
    now,
  });
  const link = new NodeLink({
    url,
    tokens,
    patienceMs: given.patience ?? patienceMs,
    now,
  });
  const proxy = new Proxy({
    link,
    write: (message) => void process.stdout.write(`${JSON.stringify(message)}\n`),
    report: (text) => err(`rouse mcp: ${text}\n`),
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.stdin.destroy());
  await takeLines(process.stdin, (line) => proxy.receive(line));
  proxy.close();
  tokens.close();
  process.stdin.destroy();
}

/** Made by the operator of this home: whoever can read that token may do so. */
async function issueFor({ agent, session, url }: Given, environment: NodeJS.ProcessEnv): Promise<string> {
  const connection = findConnection({ url }, environment);
  const input = { agent_id: agent, role: "participant", session_id: session, refreshable: true };
  const request = { name: "issue_token", input, idempotencyKey: randomUUID() } as const;
  const { token } = (await requestOperation(connection, request)) as { token: string | null };
  if (token !== null) return token;
  throw new RouseError("internal", "the node made a token and did not show it", {
    nextStep: "Start it again.",
  });
}
