import { decodeProtectedHeader } from "jose";
import type { Workspace } from "../operations/operation.ts";
import type { TokenCaller } from "../operations/tokens.ts";
import { unauthenticated } from "./refused-token.ts";

export interface Authenticated {
  /** A stream watches its token: `workspace.tokens.watch(caller)`. */
  caller: TokenCaller;
  workspace: Workspace;
}

/**
 * Throws `unauthenticated`, `token_expired`, `token_revoked`. Where our own key vouches for whom the token named, the
 * refusal is audited; what names nobody is for the caller of this function to count.
 */
export type Authenticate = (authorization: string | undefined, requestId?: string) => Promise<Authenticated>;

const longestToken = 4_096;
/** Of made-up ones there may be any number. */
const mostHeaders = 100;

/** Finds the workspace whose key signed the token; the token alone says who calls, and where. */
export function createAuthenticate(workspaces: readonly Workspace[]): Authenticate {
  const keyIds = new KeyIds();
  return async (authorization, requestId) => {
    const token = bearer(authorization);
    const workspace = await workspaceOf(workspaces, keyIds.of(token));
    if (workspace === null) throw unauthenticated();
    return { workspace, caller: await workspace.tokens.verify(token, requestId) };
  };
}

async function workspaceOf(workspaces: readonly Workspace[], kid: string | null): Promise<Workspace | null> {
  if (kid === null) return null;
  const found = workspaces.find(({ tokens }) => tokens.keyIds().includes(kid));
  if (found !== undefined) return found;
  for (const workspace of workspaces) if (await workspace.tokens.knowsKey(kid)) return workspace;
  return null;
}

function bearer(authorization: string | undefined): string {
  const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? "") ?? [];
  if (token === undefined || token.length > longestToken) throw unauthenticated();
  return token;
}

/** Tokens of one key have the same header: it is read once, where it can be read. It says nothing about anybody. */
class KeyIds {
  readonly #byHeader = new Map<string, string>();

  of(token: string): string | null {
    const [header = ""] = token.split(".", 1);
    const known = this.#byHeader.get(header);
    if (known !== undefined) return known;
    const kid = keyIdOf(token);
    // What cannot be read may be so for another part of the token than this.
    if (kid === null) return null;
    if (this.#byHeader.size >= mostHeaders) this.#byHeader.clear();
    this.#byHeader.set(header, kid);
    return kid;
  }
}

function keyIdOf(token: string): string | null {
  try {
    return decodeProtectedHeader(token).kid ?? null;
  } catch {
    return null;
  }
}
