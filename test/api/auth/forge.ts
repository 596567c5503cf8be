import { importJWK, type JWK } from "jose";
import { createHmac, sign as signBytes, type KeyObject } from "node:crypto";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { findSigner } from "../../../api/auth/keys.ts";
import type { Store } from "../../../runtime/store.ts";

/** Tokens that no honest signer would make: every byte is ours. */

export type Json = Record<string, unknown>;

export interface Signer {
  kid: string;
  privateKey: KeyObject;
  publicJwk: JWK;
}

/** The workspace's own key, as somebody with its database would have it. */
export async function stolenKey(store: Store): Promise<Signer> {
  const { keys } = await store.transaction((tx) => tx.readTokenTrust());
  const key = findSigner(keys);
  if (key === undefined) throw new Error("no key signs");
  const privateKey = createPrivateKey({ key: key.privateJwk, format: "jwk" });
  return { kid: key.kid, privateKey, publicJwk: key.publicJwk };
}

export function strangersKey(kid: string): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { kid, privateKey, publicJwk: publicKey.export({ format: "jwk" }) };
}

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export function goodHeader({ kid }: Signer): Json {
  return { alg: "EdDSA", typ: "at+jwt", kid };
}

export function goodClaims(nowS: number): Json {
  return {
    ...{ iss: "rouse", aud: "rouse", iat: nowS, exp: nowS + 600, jti: "j-forged" },
    ...{ agent_id: "ann", workspace_id: "w", role: "operator", session_id: "s-1" },
  };
}

export function signEd25519(signer: Signer, header: unknown, claims: unknown): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signBytes(null, Buffer.from(input), signer.privateKey).toString("base64url")}`;
}

export function signHmac(
  hash: "sha256" | "sha512",
  secret: Buffer | string,
  header: Json,
  claims: Json,
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac(hash, secret).update(input).digest("base64url")}`;
}

export async function publicKeyForms({ publicJwk }: Signer): Promise<Buffer[]> {
  const key = await importJWK(publicJwk, "EdDSA", { extractable: true });
  if (key instanceof Uint8Array) throw new Error("not a public key");
  const spki = Buffer.from(await crypto.subtle.exportKey("spki", key));
  const pem = `-----BEGIN PUBLIC KEY-----\n${spki.toString("base64")}\n-----END PUBLIC KEY-----\n`;
  const raw = Buffer.from(publicJwk.x ?? "", "base64url");
  return [
    raw,
    spki,
    Buffer.from(pem),
    Buffer.from(publicJwk.x ?? ""),
    Buffer.from(JSON.stringify(publicJwk)),
  ];
}
