import type { Page } from "../../runtime/domain.ts";
import type {
  Jwk,
  NewTokenRecord,
  TokenDecision,
  TokenQuery,
  TokenRecord,
  TokenTrust,
} from "../../runtime/store.ts";
import { conflict } from "../conflict.ts";
import { pageOf } from "../page.ts";
import { compare, copyOf, type Scope } from "./state.ts";

export function supersedeSigningKey(
  { state, now }: Scope,
  { verifiesForMs }: { verifiesForMs: number },
): void {
  for (const key of state.signingKeys.values()) {
    if (key.verifiesUntil !== null) continue;
    state.signingKeys.put(key.kid, { ...key, verifiesUntil: now + verifiesForMs, privateJwk: null });
  }
}

export function insertSigningKey(
  { state, now }: Scope,
  { kid, publicJwk, privateJwk, by }: { kid: string; publicJwk: Jwk; privateJwk: Jwk; by: string },
): void {
  const isTaken = state.signingKeys.values().some((key) => key.verifiesUntil === null || key.kid === kid);
  if (isTaken) throw conflict("Another signing key was made at the same time.");
  const own = { kid, publicJwk: copyOf(publicJwk), privateJwk: copyOf(privateJwk) };
  state.signingKeys.put(kid, {
    ...own,
    createdAt: now,
    createdBy: by,
    verifiesUntil: null,
    retirement: null,
  });
}

export function retireSigningKey(
  { state, now }: Scope,
  { kid, by, reason }: { kid: string; by: string; reason: string },
): boolean {
  const key = state.signingKeys.get(kid);
  if (key === undefined || key.retirement !== null) return false;
  const retirement = { by, reason, at: now };
  state.signingKeys.put(kid, { ...key, verifiesUntil: now, privateJwk: null, retirement });
  return true;
}

export function insertToken({ state }: Scope, token: NewTokenRecord): void {
  if (state.tokens.has(token.jti)) throw conflict(`Token ${token.jti} is known already.`);
  state.tokens.put(token.jti, { id: state.nextId(), ...copyOf(token) });
}

export function getToken(scope: Scope, jti: string): TokenRecord | null {
  const row = scope.state.tokens.get(jti);
  return row === undefined ? null : toRecord(scope, row);
}

/** Newest first. */
export function listTokens(scope: Scope, query: TokenQuery): Page<TokenRecord> {
  const { after, limit } = query;
  const rows = scope.state.tokens
    .values()
    .filter(({ id }) => after === undefined || id < Number(after))
    .toSorted((a, b) => b.id - a.id)
    .filter((row) => isWanted(scope, row, query))
    .slice(0, limit + 1);
  const page = pageOf(rows, limit, ({ id }) => String(id));
  return { rows: page.rows.map((row) => toRecord(scope, row)), next: page.next };
}

interface TokenRow extends NewTokenRecord {
  id: number;
}

function isWanted(scope: Scope, row: TokenRow, query: TokenQuery): boolean {
  const { agentId, sessionId, runtimeId, state, ending } = query;
  if (agentId !== undefined && row.agentId !== agentId) return false;
  if (sessionId !== undefined && row.sessionId !== sessionId) return false;
  if (runtimeId !== undefined && row.runtimeId !== runtimeId) return false;
  if (state === undefined && ending === undefined) return true;
  const isRevoked = decisionOver(scope, row) !== null;
  const isLive = row.expiresAt > scope.now && !isRevoked;
  if (state !== undefined && isLive !== (state === "live")) return false;
  if (ending === undefined) return true;
  const endsAt = row.refreshUntil ?? row.expiresAt;
  if (isRevoked || row.expiresAt < ending.from || endsAt > ending.until) return false;
  const isSame = (other: TokenRow) => other.agentId === row.agentId && other.sessionId === row.sessionId;
  return !scope.state.tokens.values().some((other) => isSame(other) && other.id > row.id);
}

function toRecord(scope: Scope, row: TokenRow): TokenRecord {
  const { id: _id, ...token } = row;
  return { ...copyOf(token), revocation: decisionOver(scope, row) };
}

/** The earliest. */
function decisionOver({ state }: Scope, token: TokenRow): TokenDecision | null {
  const ids = new Set([token.jti, token.rootJti]);
  const retirement = state.signingKeys.get(token.kid)?.retirement ?? null;
  const decisions = [
    ...[...ids].flatMap((jti) => state.revokedTokens.get(jti) ?? []),
    ...state.tokenCutoffs
      .values()
      .filter(({ agentId }) => agentId === "" || agentId === token.agentId)
      .filter(({ sessionId }) => sessionId === "" || sessionId === token.sessionId)
      .filter(({ revokedBefore }) => token.authenticatedAt <= revokedBefore)
      .map(({ by, reason, revokedBefore }) => ({ by, reason, at: revokedBefore })),
    ...(retirement === null ? [] : [retirement]),
  ].toSorted((a, b) => a.at - b.at);
  const [first] = decisions;
  return first === undefined ? null : { by: first.by, reason: first.reason, at: first.at };
}

export function revokeToken(
  { state, now }: Scope,
  { jti, expiresAt, by = "", reason }: { jti: string; expiresAt: number; by?: string; reason: string },
): void {
  if (!state.revokedTokens.has(jti)) state.revokedTokens.put(jti, { jti, by, reason, at: now, expiresAt });
}

export function revokeTokensOf(
  { state, now }: Scope,
  request: { agentId: string; sessionId: string | null; expiresAt: number; by: string; reason: string },
): void {
  const { agentId, by, reason } = request;
  const sessionId = request.sessionId ?? "";
  const key = JSON.stringify([agentId, sessionId]);
  const before = state.tokenCutoffs.get(key);
  const revokedBefore = Math.max(before?.revokedBefore ?? 0, now);
  const expiresAt = Math.max(before?.expiresAt ?? 0, request.expiresAt);
  state.tokenCutoffs.put(key, { agentId, sessionId, by, reason, revokedBefore, expiresAt });
}

export function readTokenTrust({ state, now }: Scope): TokenTrust {
  const isKept = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > now;
  const byAge = state.signingKeys
    .values()
    .toSorted((a, b) => a.createdAt - b.createdAt || compare(a.kid, b.kid));
  return {
    now,
    keys: copyOf(byAge),
    revoked: state.revokedTokens
      .values()
      .filter(isKept)
      .map(({ jti }) => jti),
    cutoffs: state.tokenCutoffs
      .values()
      .filter(isKept)
      .map(({ agentId, sessionId, revokedBefore }) => ({ agentId, sessionId, revokedBefore })),
  };
}

export function pruneTokens(
  { state }: Scope,
  { expiredBefore, limit }: { expiredBefore: number; limit: number },
): number {
  const old = state.tokens
    .values()
    .filter(({ expiresAt }) => expiresAt < expiredBefore)
    .toSorted((a, b) => a.expiresAt - b.expiresAt)
    .slice(0, limit);
  for (const { jti } of old) state.tokens.delete(jti);
  return old.length;
}
