import { createHash } from "node:crypto";
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from "jose";
import { RouseError } from "../../runtime/errors.ts";
import type { Jwk } from "../../runtime/store.ts";

/** How private parts of signing keys are stored: as they are, or encrypted under a key that the database never sees. */
export interface KeyEncryption {
  seal(kid: string, privateJwk: Jwk): Promise<Jwk>;
  /** Throws `invalid_input` when the key that it was sealed under is not here. */
  open(kid: string, stored: Jwk): Promise<Jwk>;
  /** Whether `seal` would store it the same way. */
  isCurrent(stored: Jwk): boolean;
}

const setting = "ROUSE_KEY_ENCRYPTION_KEY";
const keyBytes = 32;

interface EncryptionKey {
  id: string;
  bytes: Uint8Array;
}

/**
 * `secret`: 32 bytes in Base64 or hex, a key a line. The first one encrypts, the others are earlier ones; null: nothing is
 * encrypted. Throws `invalid_input`.
 */
export function keyEncryption(secret: string | null): KeyEncryption {
  const keys = secret === null ? [] : secret.trim().split(/\s+/).map(readKey);
  const [current] = keys;
  return {
    seal: async (kid, privateJwk) => (current === undefined ? privateJwk : seal(current, kid, privateJwk)),
    async open(kid, stored) {
      const jwe = sealedIn(stored);
      return jwe === null ? stored : open(keys, kid, jwe);
    },
    isCurrent(stored) {
      const jwe = sealedIn(stored);
      return jwe === null ? current === undefined : keyIdOf(jwe) === current?.id;
    },
  };
}

/** The encrypted form, in which the private part is stored; null: it is plain. */
export function sealedIn({ jwe }: Jwk): string | null {
  return typeof jwe === "string" ? jwe : null;
}

function readKey(text: string): EncryptionKey {
  const bytes = Buffer.from(text, /^[\da-f]{64}$/i.test(text) ? "hex" : "base64");
  if (bytes.length === keyBytes) {
    return {
      id: createHash("sha256").update(bytes).digest("hex").slice(0, 12),
      bytes: new Uint8Array(bytes),
    };
  }
  throw new RouseError("invalid_input", `${setting} is not ${keyBytes} bytes in Base64 or hex`, {
    nextStep: "Make one with openssl rand -base64 32, and name its file in ROUSE_KEY_ENCRYPTION_KEY_FILE.",
    details: { setting },
  });
}

/** The header is authenticated with the rest: what was sealed for one signing key opens for no other. */
async function seal({ id, bytes }: EncryptionKey, kid: string, privateJwk: Jwk): Promise<Jwk> {
  const jwe = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(privateJwk)))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: id, signing_kid: kid })
    .encrypt(bytes);
  return { jwe };
}

async function open(keys: readonly EncryptionKey[], kid: string, jwe: string): Promise<Jwk> {
  const id = keyIdOf(jwe);
  const key = keys.find((each) => each.id === id);
  if (key === undefined) throw unopenable(kid, id, keys);
  const algorithms = { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] };
  const opened = await compactDecrypt(jwe, key.bytes, algorithms).catch(() => null);
  if (opened === null || opened.protectedHeader["signing_kid"] !== kid) throw unopenable(kid, id, keys);
  return JSON.parse(new TextDecoder().decode(opened.plaintext)) as Jwk;
}

function keyIdOf(jwe: string): string | undefined {
  try {
    return decodeProtectedHeader(jwe).kid;
  } catch {
    return undefined;
  }
}

function unopenable(kid: string, id: string | undefined, keys: readonly EncryptionKey[]): RouseError {
  const own = keys.length === 0 ? "none is given" : `given: ${keys.map((key) => key.id).join(", ")}`;
  const text = `signing key ${kid} cannot be decrypted: that needs encryption key ${id ?? "unknown"}; ${own}`;
  return new RouseError("invalid_input", text, {
    nextStep: `Set ${setting}_FILE to the file that all nodes have; if it is lost, see "Encrypted keys" in docs/operations/tokens.md.`,
    details: { setting },
  });
}
