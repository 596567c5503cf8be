import { decodeProtectedHeader } from "jose";
import type { Clock, Ids } from "../../runtime/clock.ts";
import { RouseError, isRouseError } from "../../runtime/errors.ts";
import type { Doorbell, NewTokenRecord, Store, Transaction } from "../../runtime/store.ts";
import {
  defaultTokenPolicy,
  longestLifetimeMs,
  longestRefreshMs,
  type IssuedToken,
  type TokenAuthority,
  type TokenCaller,
  type TokenPolicy,
  type TokenRequest,
} from "../operations/tokens.ts";
import { readToken, sign } from "./claims.ts";
import { keyEncryption, type KeyEncryption } from "./key-encryption.ts";
import { createSigningKey, ensureSigningKey, findSigner } from "./keys.ts";
import { RefusalAudit } from "./refusal-audit.ts";
import { RefusedToken, revoked } from "./refused-token.ts";
import { TokenWatches } from "./token-watches.ts";
import { Trust, type Known } from "./trust.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

export interface TokenAuthorityOptions {
  store: Store;
  clock: Clock;
  ids: Ids;
  policy?: TokenPolicy;
  /** Default: private parts of keys are stored in plain text. */
  encryption?: KeyEncryption;
  /** Makes changes of other nodes known sooner than polling does. */
  onRing?: Doorbell["onRing"];
}

/** Signs and checks the tokens of the store's workspace; creates its signing key at the first start. */
export async function createTokenAuthority(options: TokenAuthorityOptions): Promise<TokenAuthority> {
  const { store, clock, ids, policy = defaultTokenPolicy, encryption = keyEncryption(null) } = options;
  const making = { ids, encryption };
  await ensureSigningKey(store, making);
  const trust = new Trust(store, clock);
  const watches = new TokenWatches(trust, clock);
  const refusals = new RefusalAudit(store, clock);
  const verifier = { trust, verified: new VerifiedTokens(), clock, workspaceId: store.workspaceId };
  options.onRing?.(() => {
    trust.noteRung();
    watches.noteRung();
  });
  await trust.fresh();
  return {
    workspaceId: store.workspaceId,
    policy,
    keyIds: () => [...(trust.last?.keys.keys() ?? [])],
    knowsKey: async (kid) => (await knownWith(trust, kid)).keys.has(kid),
    issue: (request, tx) =>
      tx === undefined
        ? store.transaction((own) =>
            issue(own, encryption, { ...request, jti: ids.next(), workspaceId: store.workspaceId }),
          )
        : issue(tx, encryption, { ...request, jti: ids.next(), workspaceId: store.workspaceId }),
    async verify(token, requestId) {
      try {
        return await verify(verifier, token);
      } catch (error) {
        if (!(error instanceof RefusedToken)) throw error;
        await refusals.note(error, requestId ?? null);
        throw error.refusal;
      }
    },
    watch: (caller) => watches.watch(caller),
    createKey: (tx, by) => createSigningKey(tx, making, by),
    noteRevoked: (jti) => trust.noteRevoked(jti),
    noteChanged() {
      trust.noteChanged();
      watches.noteRung();
    },
    prune: () => prune(store, policy),
  };
}

/** Good tokens of a key that is not known yet come right after a rotation on another node. */
async function knownWith(trust: Trust, kid: string | undefined): Promise<Known> {
  const known = await trust.fresh();
  return kid === undefined || known.keys.has(kid) ? known : trust.newest();
}

interface Verifier {
  trust: Trust;
  verified: VerifiedTokens;
  clock: Clock;
  workspaceId: string;
}

async function verify(
  { trust, verified, clock, workspaceId }: Verifier,
  token: string,
): Promise<TokenCaller> {
  let known = await trust.fresh();
  let caller = verified.find(token, known, clock.now());
  if (caller === null) {
    known = await knownWith(trust, keyIdOf(token));
    caller = await readToken(token, { keys: known.keys, workspaceId, now: known.storeTime(clock.now()) });
    verified.add(token, caller);
  }
  const { agentId, role, sessionId, jti } = caller;
  if (known.isRevoked(caller)) throw new RefusedToken(revoked(), { agentId, role, sessionId, jti });
  return caller;
}

function keyIdOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined;
  }
}

interface Issue extends TokenRequest {
  jti: string;
  workspaceId: string;
}

/** Times are the store's, so that a node whose clock is wrong issues tokens that are right. */
async function issue(tx: Transaction, encryption: KeyEncryption, request: Issue): Promise<IssuedToken> {
  requireWithinLimits(request);
  const signer = findSigner((await tx.readTokenTrust()).keys);
  if (signer === undefined) throw new RouseError("internal", "no key signs in this workspace");
  const privateJwk = await encryption.open(signer.kid, signer.privateJwk).catch(asOurs);
  const record = recordOf(request, { now: tx.now, kid: signer.kid });
  await tx.insertToken(record);
  const token = await sign({ kid: signer.kid, privateJwk }, record, request.workspaceId);
  const { jti, expiresAt, refreshUntil } = record;
  return { token, jti, expiresAt, refreshUntil };
}

/** The key that signs was encrypted on another node after this one had started: no fault of whoever calls. */
function asOurs(error: unknown): never {
  if (!isRouseError(error)) throw error;
  const { message, nextStep, details } = error;
  throw new RouseError("internal", message, { details, ...(nextStep === undefined ? {} : { nextStep }) });
}

function requireWithinLimits({ lifetimeMs, refresh }: TokenRequest): void {
  const isTooLong =
    lifetimeMs > longestLifetimeMs ||
    (refresh !== undefined && "forMs" in refresh && refresh.forMs > longestRefreshMs);
  if (!isTooLong) return;
  throw new RouseError(
    "invalid_input",
    "a token lives for at most 12 hours, and is refreshed for at most 7 days",
    {
      nextStep: "Ask for a shorter life.",
    },
  );
}

function recordOf(request: Issue, { now, kid }: { now: number; kid: string }): NewTokenRecord {
  const { jti, agentId, role, sessionId, runtimeId = null, refresh, root, by = "node" } = request;
  // Whole seconds, as other readers of tokens expect; never shorter than asked for.
  const expiresAt = Math.ceil((now + request.lifetimeMs) / 1_000) * 1_000;
  const refreshUntil =
    refresh === undefined ? null : "until" in refresh ? refresh.until : now + refresh.forMs;
  return {
    ...{ jti, agentId, role, sessionId, runtimeId, kid, refreshUntil },
    ...{ issuedAt: now, issuedBy: by, expiresAt },
    rootJti: root?.jti ?? jti,
    authenticatedAt: root?.authenticatedAt ?? now,
  };
}

const prunedAtOnce = 500;

async function prune(store: Store, { keepRecordsMs }: TokenPolicy): Promise<void> {
  let count = prunedAtOnce;
  while (count === prunedAtOnce) {
    count = await store.transaction((tx) =>
      tx.pruneTokens({ expiredBefore: tx.now - keepRecordsMs, limit: prunedAtOnce }),
    );
  }
}
