import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RouseError } from "../../runtime/errors.ts";
import { homeOf } from "../config.ts";
import { operatorTokenFileName, type NodeFile } from "../node-messages.ts";
import { readSecret } from "../secrets.ts";
import { findRunningNode, readNodeFile } from "./node-process.ts";

/** Where a node is reached, and as whom. */
export interface Connection {
  url: string;
  token: string;
  /** The node on this machine, or null for one named by its address. */
  node: NodeFile | null;
}

export interface ConnectionOptions {
  url?: string | undefined;
  token?: string | undefined;
}

export const startStep = "Run rouse up.";

/**
 * Options first, then ROUSE_URL and ROUSE_TOKEN or ROUSE_TOKEN_FILE, then the node of ROUSE_HOME with its operator token.
 * Throws `not_running`, `unauthenticated`, `invalid_input`.
 */
export function findConnection(options: ConnectionOptions, environment: NodeJS.ProcessEnv): Connection {
  const home = homeOf(environment);
  const given = options.url ?? nonEmpty(environment["ROUSE_URL"]);
  const token = givenToken(options, environment);
  const node = findRunningNode(home);
  if (given === undefined) {
    if (node === null) throw notRunning(home);
    return { url: node.url, token: token ?? operatorToken(home), node };
  }
  const url = checkedUrl(given);
  const isOurs = node !== null && url === node.url;
  // The operator's token goes to our own node only, never to an address that somebody named.
  if (token === undefined && !isOurs) throw tokenMissing(url);
  return { url, token: token ?? operatorToken(home), node: isOurs ? node : null };
}

/** Only where the node is, for whoever has a token of its own. Throws `not_running`, `invalid_input`. */
export function findUrl({ url }: Pick<ConnectionOptions, "url">, environment: NodeJS.ProcessEnv): string {
  const given = url ?? nonEmpty(environment["ROUSE_URL"]);
  if (given !== undefined) return checkedUrl(given);
  const home = homeOf(environment);
  const node = findRunningNode(home);
  if (node === null) throw notRunning(home);
  return node.url;
}

/**
 * What the caller speaks as; undefined: nothing was said of it, so the operator. Whoever gave an empty one did not mean that.
 * Throws `invalid_input`.
 */
export function givenToken(
  { token }: Pick<ConnectionOptions, "token">,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  if (token === undefined) return readSecret(environment, "ROUSE_TOKEN") ?? undefined;
  if (token.trim() !== "") return token;
  throw new RouseError("invalid_input", "--token is empty", {
    nextStep: "Give the token, or leave --token out to speak as the operator.",
  });
}

function notRunning(home: string): RouseError {
  const stale = readNodeFile(home);
  const message =
    stale === null
      ? `no node is running for ${home}`
      : `the node of ${home} (pid ${stale.pid}) has ended without a goodbye; nothing is lost`;
  return new RouseError("not_running", message, { nextStep: startStep });
}

function operatorToken(home: string): string {
  const path = join(home, operatorTokenFileName);
  let token = "";
  try {
    token = readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new RouseError("unauthenticated", `cannot read the operator token ${path}`, {
      nextStep: "Run this as the user who ran rouse up, or pass a token in ROUSE_TOKEN.",
      cause,
    });
  }
  if (token !== "") return token;
  throw new RouseError("unauthenticated", `the operator token ${path} is empty`, {
    nextStep: "Run rouse down, then rouse up: that writes a new one.",
  });
}

function tokenMissing(url: string): RouseError {
  return new RouseError("unauthenticated", `no token for ${url}`, {
    nextStep: "Pass one with --token or in ROUSE_TOKEN; its operator makes one with rouse tokens issue.",
  });
}

/** Launched agents know the node by its MCP endpoint. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && ["http:", "https:"].includes(url.protocol))
    return url.href.replace(/\/+$/, "").replace(/\/mcp$/, "");
  throw new RouseError("invalid_input", `${text} is no address of a node`, {
    nextStep: "Give it as http://HOST:PORT.",
  });
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
