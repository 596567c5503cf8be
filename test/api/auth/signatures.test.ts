import { compactVerify, importJWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { createWorld, type World } from "../world.ts";
import { encode, goodClaims, goodHeader, signEd25519, stolenKey, type Signer } from "./forge.ts";

/**
 * The classes of Wycheproof's vectors for Ed25519 and JSON Web Signature, made anew around a token of our own. No package
 * ships the vectors themselves; see docs/operations/tokens.md.
 */

/** Order of the base point: RFC 8032, section 5.1. */
const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const prime = 2n ** 255n - 19n;

const littleEndian = (value: bigint): Buffer =>
  Buffer.from(Buffer.from(value.toString(16).padStart(64, "0"), "hex").toReversed());
const numberOf = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes.toReversed()).toString("hex")}`);
const fits = (value: bigint): boolean => value < 2n ** 256n;

interface Parts {
  r: Buffer;
  s: Buffer;
  /** Of another token by the same key. */
  other: { r: Buffer; s: Buffer };
}

const plusOrder = [1n, 2n, 3n, 4n, 5n, 8n, 14n].map(
  (times) =>
    [
      `S + ${times}·L`,
      ({ r, s }: Parts) => Buffer.concat([r, littleEndian(numberOf(s) + times * order)]),
    ] as const,
);
const plusPowers = [253n, 254n, 255n].map(
  (power) =>
    [
      `S + 2^${power}`,
      ({ r, s }: Parts) => {
        const moved = numberOf(s) + 2n ** power;
        return Buffer.concat([r, littleEndian(fits(moved) ? moved : moved - 2n ** 256n)]);
      },
    ] as const,
);
const fixedS = ([0n, 1n, order - 1n, order, order + 1n, 2n ** 255n, 2n ** 256n - 1n] as const).map(
  (value, index) =>
    [`a fixed S (${index})`, ({ r }: Parts) => Buffer.concat([r, littleEndian(value)])] as const,
);
/** Points of small order, and encodings that stand for a field element a second time. */
const fixedR = [
  0n,
  1n,
  2n,
  prime - 1n,
  prime,
  prime + 1n,
  2n ** 255n - 1n,
  2n ** 255n,
  2n ** 255n + 1n,
  2n ** 256n - 1n,
].flatMap((value, index) => [
  [`a fixed R (${index})`, ({ s }: Parts) => Buffer.concat([littleEndian(value), s])] as const,
  [`a fixed R (${index}) and S = 0`, () => Buffer.concat([littleEndian(value), Buffer.alloc(32)])] as const,
]);

const signatures: readonly (readonly [what: string, make: (parts: Parts) => Buffer])[] = [
  ...plusOrder,
  ...plusPowers,
  ...fixedS,
  ...fixedR,
  ["R's sign flipped", ({ r, s }) => Buffer.concat([flip(r, 31, 0x80), s])],
  ["a bit of R flipped", ({ r, s }) => Buffer.concat([flip(r, 0, 1), s])],
  ["a bit of S flipped", ({ r, s }) => Buffer.concat([r, flip(s, 0, 1)])],
  ["the top bits of S set", ({ r, s }) => Buffer.concat([r, flip(s, 31, 0xe0)])],
  ["R and S swapped", ({ r, s }) => Buffer.concat([s, r])],
  ["R of another token", ({ s, other }) => Buffer.concat([other.r, s])],
  ["S of another token", ({ r, other }) => Buffer.concat([r, other.s])],
  ["another token's signature", ({ other }) => Buffer.concat([other.r, other.s])],
  ["S negated", ({ r, s }) => Buffer.concat([r, littleEndian(order - numberOf(s))])],
  ["R alone", ({ r }) => r],
  ["S alone", ({ s }) => s],
  ["one byte less", ({ r, s }) => Buffer.concat([r, s]).subarray(0, 63)],
  ["one byte", ({ r }) => r.subarray(0, 1)],
  ["a zero byte more", ({ r, s }) => Buffer.concat([r, s, Buffer.alloc(1)])],
  ["a zero byte before", ({ r, s }) => Buffer.concat([Buffer.alloc(1), r, s])],
  ["a zero byte in the middle", ({ r, s }) => Buffer.concat([r, Buffer.alloc(1), s])],
  ["32 bytes more", ({ r, s }) => Buffer.concat([r, s, s])],
  ["64 zeros", () => Buffer.alloc(64)],
  ["64 times 0xff", () => Buffer.alloc(64, 0xff)],
  [
    "DER around it",
    ({ r, s }) => Buffer.concat([Buffer.from([0x30, 0x44, 0x02, 0x20]), r, Buffer.from([2, 0x20]), s]),
  ],
];

function flip(bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

describe("the signature of a token", () => {
  let world: World;
  let signer: Signer;
  let input: string;
  let parts: Parts;

  const split = (token: string) => {
    const bytes = Buffer.from(token.split(".")[2] ?? "", "base64url");
    return { r: bytes.subarray(0, 32), s: bytes.subarray(32) };
  };
  const verify = (token: string) => world.workspace.tokens.verify(token);
  const refused = { code: "unauthenticated" };

  beforeAll(async () => {
    world = await createWorld();
    signer = await stolenKey(world.store);
    const claims = goodClaims(world.clock.now() / 1_000);
    const token = signEd25519(signer, goodHeader(signer), claims);
    const other = signEd25519(signer, goodHeader(signer), { ...claims, jti: "j-other" });
    input = token.split(".").slice(0, 2).join(".");
    parts = { ...split(token), other: split(other) };
  });

  test("is taken as it was made", async () => {
    const own = Buffer.concat([parts.r, parts.s]).toString("base64url");
    expect(await verify(`${input}.${own}`)).toMatchObject({ agentId: "ann" });
  });

  test.each(signatures)("is refused with %s", async (_what, make) => {
    await expect(verify(`${input}.${make(parts).toString("base64url")}`)).rejects.toMatchObject(refused);
  });

  test.each([
    ["a space", (text: string) => `${text.slice(0, 9)} ${text.slice(9)}`],
    ["a line break", (text: string) => `${text.slice(0, 9)}\n${text.slice(9)}`],
    ["a NUL", (text: string) => `${text.slice(0, 9)}\0${text.slice(9)}`],
    ["a character of no alphabet", (text: string) => `${text.slice(0, 9)}$${text.slice(9)}`],
    ["padding", (text: string) => `${text}=`],
    ["nothing left", () => ""],
  ])("is refused with %s in any of the three parts", async (_what, damage) => {
    const token = `${input}.${Buffer.concat([parts.r, parts.s]).toString("base64url")}`;
    for (const place of [0, 1, 2]) {
      const damaged = token.split(".").map((part, index) => (index === place ? damage(part) : part));
      await expect(verify(damaged.join("."))).rejects.toMatchObject(refused);
    }
  });

  test("has one spelling: the unused bits of its last character are zero", async () => {
    const own = Buffer.concat([parts.r, parts.s]).toString("base64url");
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const next = alphabet[alphabet.indexOf(own.at(-1) ?? "") + 1] ?? "";
    const respelt = `${own.slice(0, -1)}${next}`;
    expect(Buffer.from(respelt, "base64url")).toEqual(Buffer.from(own, "base64url"));
    await expect(verify(`${input}.${respelt}`)).rejects.toMatchObject(refused);
  });

  test("is refused as part of a JSON serialization", async () => {
    const [header, payload] = input.split(".");
    const signature = Buffer.concat([parts.r, parts.s]).toString("base64url");
    const flattened = JSON.stringify({ protected: header, payload, signature });
    await expect(verify(flattened)).rejects.toMatchObject(refused);
    await expect(verify(encode(flattened))).rejects.toMatchObject(refused);
  });

  test("is computed as RFC 8037 has it in its appendix A.4", async () => {
    const key = await importJWK(
      { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
      "EdDSA",
    );
    const jws =
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    const { payload } = await compactVerify(jws, key);
    expect(Buffer.from(payload).toString()).toBe("Example of Ed25519 signing");
  });
});
