import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";
import { z } from "zod";
import { isRouseError } from "../../runtime/errors.ts";
import type { Ids } from "../../runtime/clock.ts";
import type { Store, Transaction } from "../../runtime/store.ts";

/** Signing keys of a workspace, kept in its settings so that every node accepts what any node signed. */

const settingName = "signing-keys";
const stored = z.object({
  keys: z
    .array(
      z.object({
        kid: z.string(),
        privateJwk: z.record(z.string(), z.unknown()),
        publicJwk: z.record(z.string(), z.unknown()),
      }),
    )
    .min(1),
});
type StoredKeys = z.output<typeof stored>;

export interface SigningKeys {
  /** The one that signs now: the newest. */
  current: { kid: string; key: CryptoKey };
  /** All that may still verify. */
  public: ReadonlyMap<string, CryptoKey>;
}

const algorithm = "EdDSA";
const mostAttempts = 5;

/** Makes the first key when there is none; of several nodes that start at once, one wins. */
export async function loadSigningKeys(store: Store, ids: Ids): Promise<SigningKeys> {
  const fresh = await newKey(ids);
  for (let attempt = 1; ; attempt++) {
    try {
      return await imported(await store.transaction((tx) => getOrPut(tx, fresh)));
    } catch (error) {
      if (!isRouseError(error, "conflict") || attempt >= mostAttempts) throw error;
    }
  }
}

async function getOrPut(tx: Transaction, fresh: StoredKeys): Promise<StoredKeys> {
  const found = await tx.getSetting(settingName);
  if (found !== null && found !== undefined) return stored.parse(found);
  // Settings are overwritten silently; this row can be written once only, so a second creator meets a conflict.
  await tx.putIdempotent(
    { caller: "engine", key: settingName },
    { operation: "create_signing_key", fingerprint: "", response: null },
  );
  await tx.putSetting(settingName, fresh);
  return fresh;
}

async function newKey(ids: Ids): Promise<StoredKeys> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const [privateJwk, publicJwk] = await Promise.all([exportJWK(privateKey), exportJWK(publicKey)]);
  return { keys: [{ kid: ids.next(), privateJwk: { ...privateJwk }, publicJwk: { ...publicJwk } }] };
}

async function imported({ keys }: StoredKeys): Promise<SigningKeys> {
  const newest = keys.at(-1);
  if (newest === undefined) throw new Error("no signing key is stored");
  const entries = await Promise.all(
    keys.map(async ({ kid, publicJwk }) => [kid, await toKey(publicJwk)] as const),
  );
  return {
    current: { kid: newest.kid, key: await toKey(newest.privateJwk) },
    public: new Map(entries),
  };
}

async function toKey(jwk: Record<string, unknown>): Promise<CryptoKey> {
  const key = await importJWK(jwk as JWK, algorithm);
  if (key instanceof Uint8Array) throw new Error("a signing key is not an Ed25519 key");
  return key;
}
