import { decodeProtectedHeader } from "jose";
import type { Caller } from "../operations/caller.ts";
import type { Workspace } from "../operations/operation.ts";
import { unauthenticated } from "./token-authority.ts";

export interface Authenticated {
  caller: Caller;
  workspace: Workspace;
}

export type Authenticate = (authorization: string | undefined) => Promise<Authenticated>;

const longestToken = 4_096;

/** Finds the workspace whose key signed the token; the token alone says who calls, and where. */
export function createAuthenticate(workspaces: readonly Workspace[]): Authenticate {
  return async (authorization) => {
    const token = bearer(authorization);
    const kid = keyIdOf(token);
    const workspace = workspaces.find(({ tokens }) => kid !== null && tokens.keyIds().includes(kid));
    if (workspace === undefined) throw unauthenticated();
    return { workspace, caller: await workspace.tokens.verify(token) };
  };
}

function bearer(authorization: string | undefined): string {
  const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? "") ?? [];
  if (token === undefined || token.length > longestToken) throw unauthenticated();
  return token;
}

function keyIdOf(token: string): string | null {
  try {
    return decodeProtectedHeader(token).kid ?? null;
  } catch {
    return null;
  }
}
