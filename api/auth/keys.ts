import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";
import { isRouseError } from "../../runtime/errors.ts";
import type { Ids } from "../../runtime/clock.ts";
import type { Jwk, SigningKey, Store, Transaction } from "../../runtime/store.ts";
import { longestLifetimeMs } from "../operations/tokens.ts";

/** Signing keys of a workspace, kept in its store so that every node accepts what any node signed. */

export const algorithm = "EdDSA";
const mostAttempts = 5;
/** Other nodes learn of a new key within seconds, and sign with the one before until then. */
const handoverMs = 60_000;

/** Makes the first key when there is none; of several nodes that start at once, one wins. */
export async function ensureSigningKey(store: Store, ids: Ids): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await store.transaction(async (tx) => {
        const { keys } = await tx.readTokenTrust();
        // Nothing is superseded: another node's key that came in between refuses ours, and is found next time.
        if (findSigner(keys) === undefined) await insertSigningKey(tx, ids, "node");
      });
      return;
    } catch (error) {
      if (!isRouseError(error, "conflict") || attempt >= mostAttempts) throw error;
    }
  }
}

/** From now on it signs, and the one before only verifies. Returns its id. Throws `conflict`. */
export async function createSigningKey(tx: Transaction, ids: Ids, by: string): Promise<string> {
  await tx.supersedeSigningKey({ verifiesForMs: longestLifetimeMs + handoverMs });
  return insertSigningKey(tx, ids, by);
}

async function insertSigningKey(tx: Transaction, ids: Ids, by: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const [privateJwk, publicJwk] = await Promise.all([exportJWK(privateKey), exportJWK(publicKey)]);
  const kid = ids.next();
  await tx.insertSigningKey({ kid, publicJwk: { ...publicJwk }, privateJwk: { ...privateJwk }, by });
  return kid;
}

export function findSigner(keys: readonly SigningKey[]): (SigningKey & { privateJwk: Jwk }) | undefined {
  for (const key of keys) {
    const { verifiesUntil, privateJwk } = key;
    if (verifiesUntil === null && privateJwk !== null) return { ...key, privateJwk };
  }
  return undefined;
}

export async function importKey(jwk: Jwk): Promise<CryptoKey> {
  const key = await importJWK(jwk as JWK, algorithm);
  if (key instanceof Uint8Array) throw new Error("a signing key is not an Ed25519 key");
  return key;
}
