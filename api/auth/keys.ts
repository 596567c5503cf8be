import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";
import { isRouseError } from "../../runtime/errors.ts";
import type { Ids } from "../../runtime/clock.ts";
import type { Jwk, SigningKey, Store, Transaction } from "../../runtime/store.ts";
import type { KeyEncryption } from "./key-encryption.ts";
import { longestLifetimeMs } from "../operations/tokens.ts";

/** Signing keys of a workspace, kept in its store so that every node accepts what any node signed. */

export const algorithm = "EdDSA";
const mostAttempts = 5;
/** Other nodes learn of a new key within seconds, and sign with the one before until then. */
const handoverMs = 60_000;

/** With which ids keys are made, and how they are stored. */
export interface KeyMaking {
  ids: Ids;
  encryption: KeyEncryption;
}

/**
 * Makes the first key when there is none, and a new one when that which signs is not stored as it should be: what once stood in
 * plain text may stand in a backup, too. Of several nodes that start at once, one wins. Throws what `KeyEncryption` throws.
 */
export async function ensureSigningKey(store: Store, making: KeyMaking): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await store.transaction(async (tx) => {
        const signer = findSigner((await tx.readTokenTrust()).keys);
        // Nothing is superseded: another node's key that came in between refuses ours, and is found next time.
        if (signer === undefined) return void (await insertSigningKey(tx, making, "node"));
        await making.encryption.open(signer.kid, signer.privateJwk);
        if (!making.encryption.isCurrent(signer.privateJwk)) await createSigningKey(tx, making, "node");
      });
      return;
    } catch (error) {
      if (!isRouseError(error, "conflict") || attempt >= mostAttempts) throw error;
    }
  }
}

/** From now on it signs, and the one before only verifies. Returns its id. Throws `conflict`. */
export async function createSigningKey(tx: Transaction, making: KeyMaking, by: string): Promise<string> {
  await tx.supersedeSigningKey({ verifiesForMs: longestLifetimeMs + handoverMs });
  return insertSigningKey(tx, making, by);
}

async function insertSigningKey(
  tx: Transaction,
  { ids, encryption }: KeyMaking,
  by: string,
): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const [privateJwk, publicJwk] = await Promise.all([exportJWK(privateKey), exportJWK(publicKey)]);
  const kid = ids.next();
  const stored = await encryption.seal(kid, { ...privateJwk });
  await tx.insertSigningKey({ kid, publicJwk: { ...publicJwk }, privateJwk: stored, by });
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
