import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { serve, type Served } from "../http/client.ts";
import { callerOf, createWorld, type World } from "../world.ts";
import {
  encode,
  goodClaims,
  goodHeader,
  publicKeyForms,
  signEd25519,
  signHmac,
  stolenKey,
  strangersKey,
  type Json,
  type Signer,
} from "./forge.ts";

/** Each forged token is right but for what its row names, and asks for an operator's powers. */

interface Scene {
  world: World;
  neighbour: World;
  ours: Signer;
  nowS: number;
}
type Forge = (scene: Scene) => string | Promise<string>;

const withHeader =
  (changes: Json): Forge =>
  ({ ours, nowS }) =>
    signEd25519(ours, { ...goodHeader(ours), ...changes }, goodClaims(nowS));
const withClaims =
  (changes: (nowS: number) => Json): Forge =>
  ({ ours, nowS }) =>
    signEd25519(ours, goodHeader(ours), { ...goodClaims(nowS), ...changes(nowS) });
const without = (claim: string): Forge => withClaims(() => ({ [claim]: undefined }));
const claiming = (changes: Json): Forge => withClaims(() => changes);

/** Signed by a key of the attacker's own. */
const byStranger =
  (header: (own: Signer) => Json): Forge =>
  ({ ours, nowS }) => {
    const own = strangersKey(ours.kid);
    return signEd25519(own, { ...goodHeader(own), ...header(own) }, goodClaims(nowS));
  };
const hmacWith =
  (alg: "HS256" | "HS512", form: number): Forge =>
  async ({ ours, nowS }) => {
    const secret = (await publicKeyForms(ours))[form] ?? "";
    const hash = alg === "HS256" ? "sha256" : "sha512";
    return signHmac(hash, secret, { ...goodHeader(ours), alg }, goodClaims(nowS));
  };
const unsigned =
  (alg: string, signature: string): Forge =>
  ({ ours, nowS }) =>
    `${encode({ ...goodHeader(ours), alg })}.${encode(goodClaims(nowS))}.${signature}`;

const good: Forge = withHeader({});
const retold =
  (change: (parts: [header: string, payload: string, signature: string]) => string): Forge =>
  async (scene) => {
    const [header = "", payload = "", signature = ""] = (await good(scene)).split(".");
    return change([header, payload, signature]);
  };
const flipped = (text: string, at: number): string =>
  `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;

/** Nothing vouches for whom these name: they are counted, and leave no row of their own. */
const anonymous: Record<string, Forge> = {
  "no algorithm (none)": unsigned("none", ""),
  "no algorithm (None)": unsigned("None", ""),
  "no algorithm (nOnE), with a signature": unsigned("nOnE", "AAAA"),
  "an empty algorithm": unsigned("", ""),
  "EdDSA and an empty signature": unsigned("EdDSA", ""),
  "HS256 by the raw public key": hmacWith("HS256", 0),
  "HS256 by the public key as DER": hmacWith("HS256", 1),
  "HS256 by the public key as PEM": hmacWith("HS256", 2),
  "HS256 by the public key's x": hmacWith("HS256", 3),
  "HS256 by the public JWK": hmacWith("HS256", 4),
  "HS512 by the raw public key": hmacWith("HS512", 0),
  "ES256 in the header": withHeader({ alg: "ES256" }),
  "Ed448 in the header": withHeader({ alg: "Ed448" }),
  "a list of algorithms": withHeader({ alg: ["EdDSA", "none"] }),
  "the same key id, another key": byStranger(() => ({})),
  "an unknown key id": withHeader({ kid: "0".repeat(32) }),
  "no key id": withHeader({ kid: undefined }),
  "an empty key id": withHeader({ kid: "" }),
  "a path as key id": withHeader({ kid: "../../../../dev/null" }),
  "a path behind the right key id": ({ ours, nowS }) =>
    signEd25519(ours, { ...goodHeader(ours), kid: `${ours.kid}/../x` }, goodClaims(nowS)),
  "SQL as key id": withHeader({ kid: "x' or '1'='1" }),
  "NUL behind the right key id": ({ ours, nowS }) =>
    signEd25519(ours, { ...goodHeader(ours), kid: `${ours.kid}\0` }, goodClaims(nowS)),
  "a prototype's name as key id": withHeader({ kid: "__proto__" }),
  "a number as key id": withHeader({ kid: 1 }),
  "a list as key id": ({ ours, nowS }) =>
    signEd25519(ours, { ...goodHeader(ours), kid: [ours.kid] }, goodClaims(nowS)),
  "its key in the header (jwk)": byStranger(({ publicJwk }) => ({ jwk: publicJwk })),
  "its key in the header, under its own id": byStranger(({ publicJwk }) => ({ jwk: publicJwk, kid: "mine" })),
  "a place to fetch keys from (jku)": byStranger(() => ({ jku: "http://127.0.0.1:1/keys", kid: "mine" })),
  "a certificate's place (x5u)": byStranger(() => ({ x5u: "http://127.0.0.1:1/cert" })),
  "a certificate (x5c)": byStranger(() => ({ x5c: ["AAAA"] })),
  "an unknown critical extension": withHeader({ crit: ["exp"] }),
  "a detached payload (b64: false)": withHeader({ b64: false, crit: ["b64"] }),
  "compression (zip)": retold(([, payload, signature]) =>
    [encode({ alg: "EdDSA", typ: "at+jwt", kid: "x", zip: "DEF" }), payload, signature].join("."),
  ),
  "a raised role": retold(([header, payload, signature]) => {
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Json;
    return [header, encode({ ...claims, agent_id: "pat" }), signature].join(".");
  }),
  "a swapped workspace": retold(([header, payload, signature]) => {
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Json;
    return [header, encode({ ...claims, workspace_id: "neighbour" }), signature].join(".");
  }),
  "a header that was changed": retold(([header, payload, signature]) => {
    const fields = JSON.parse(Buffer.from(header, "base64url").toString()) as Json;
    return [encode({ ...fields, cty: "x" }), payload, signature].join(".");
  }),
  "a changed bit in the signature": retold((parts) => [parts[0], parts[1], flipped(parts[2], 10)].join(".")),
  "half a signature": retold(([header, payload, signature]) =>
    [header, payload, signature.slice(0, 43)].join("."),
  ),
  "the signature twice": retold(([header, payload, signature]) =>
    [header, payload, signature + signature].join("."),
  ),
  "a fourth part": retold((parts) => [...parts, "AAAA"].join(".")),
  "two parts": retold(([header, payload]) => [header, payload].join(".")),
  "an encrypted token's five parts": retold(([header]) => [header, "", "", "", ""].join(".")),
  "a header that is no JSON": retold(([, payload, signature]) => ["e30x", payload, signature].join(".")),
  "a header that is null": retold(([, payload, signature]) => [encode(null), payload, signature].join(".")),
  "a payload that is a list": ({ ours }) => signEd25519(ours, goodHeader(ours), []),
  "a payload that is a string": ({ ours }) => signEd25519(ours, goodHeader(ours), '"operator"'),
  "a payload that is no JSON": ({ ours }) => signEd25519(ours, goodHeader(ours), "{"),
  "a key of the neighbour's, and our workspace": async ({ neighbour, nowS }) => {
    const theirs = await stolenKey(neighbour.store);
    return signEd25519(theirs, goodHeader(theirs), goodClaims(nowS));
  },
  "no role": without("role"),
  "an unknown role": claiming({ role: "root" }),
  "a list of roles": claiming({ role: ["operator"] }),
  "no agent": without("agent_id"),
  "a malformed agent": claiming({ agent_id: "../ann" }),
  "an agent with NUL": claiming({ agent_id: "ann\0" }),
  "no session": without("session_id"),
  "an overlong session": claiming({ session_id: "s".repeat(129) }),
  "no id": without("jti"),
  "an overlong id": claiming({ jti: "j".repeat(65) }),
  "an object as id": claiming({ jti: {} }),
};

/** Our own key signed these, so that the audit says whom they named. */
const known: Record<string, Forge> = {
  "another issuer": claiming({ iss: "other" }),
  "no issuer": without("iss"),
  "another audience": claiming({ aud: "other" }),
  "a list of audiences": claiming({ aud: ["rouse", "other"] }),
  "a list of our audience alone": claiming({ aud: ["rouse"] }),
  "no audience": without("aud"),
  "no end": without("exp"),
  "an end that is text": withClaims((nowS) => ({ exp: String(nowS + 600) })),
  "another workspace": claiming({ workspace_id: "neighbour" }),
  "no workspace": without("workspace_id"),
  "a beginning six seconds ahead": withClaims((nowS) => ({ nbf: nowS + 6 })),
  "another type (JWT)": withHeader({ typ: "JWT" }),
  "another type (id_token)": withHeader({ typ: "id_token" }),
  "no type": withHeader({ typ: undefined }),
};

const inTime: Record<string, Forge> = {
  "nothing wrong": good,
  "the type in full": withHeader({ typ: "application/at+jwt" }),
  "an end four seconds ago": withClaims((nowS) => ({ exp: nowS - 4 })),
  "a beginning four seconds ahead": withClaims((nowS) => ({ nbf: nowS + 4 })),
  "issued by a node whose clock is ahead": withClaims((nowS) => ({ iat: nowS + 3_600 })),
};

describe("forged tokens", () => {
  let scene: Scene;
  let served: Served;

  beforeAll(async () => {
    const world = await createWorld();
    const neighbour = await createWorld(
      world.clock,
      createMemoryStore({ workspaceId: "neighbour", clock: world.clock }),
    );
    const ours = await stolenKey(world.store);
    scene = { world, neighbour, ours, nowS: world.clock.now() / 1_000 };
    served = await serve(world);
  });
  afterAll(() => closeServer(served.server, 1_000));

  const attempts = {
    REST: (token: string) =>
      served.rest(token, "POST", "/v1/injection/pause", { body: { scope: "workspace", reason: "x" } }),
    MCP: (token: string) =>
      served.rest(token, "POST", "/mcp", {
        body: {
          ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
          params: { name: "pause_injection", arguments: { scope: "workspace", reason: "x" } },
        },
        headers: { accept: "application/json, text/event-stream" },
      }),
  };
  const surfaces = Object.keys(attempts) as (keyof typeof attempts)[];
  const authRows = async () =>
    (await scene.world.audit()).filter(({ operation }) => operation === "authenticate");

  async function expectRefused(forge: Forge, code: string, surface: keyof typeof attempts): Promise<void> {
    const answer = await attempts[surface](await forge(scene));
    expect([answer.status, answer.body["code"]]).toEqual([401, code]);
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(await scene.world.store.transaction((tx) => tx.getSetting("injection"))).toBeNull();
  }

  describe.each(surfaces)("over %s", (surface) => {
    test.each(Object.entries(anonymous))("with %s are refused, and name nobody", async (_what, forge) => {
      const before = await authRows();
      await expectRefused(forge, "unauthenticated", surface);
      expect(await authRows()).toEqual(before);
    });

    test.each(Object.entries(known))("with %s are refused, and audited", async (what, forge) => {
      const jti = `${surface} ${what}`.slice(0, 64);
      await expectRefused((own) => renamed(own, forge, jti), "unauthenticated", surface);
      const rows = (await authRows()).filter(({ subject }) => subject === `token/${jti}`);
      expect(rows).toMatchObject([{ actor: "ann", outcome: "refused", code: "unauthenticated" }]);
    });

    test("that have expired are refused as such, and audited once", async () => {
      const jti = `${surface} expired`;
      const forge: Forge = withClaims((nowS) => ({ exp: nowS - 6, jti }));
      for (let n = 0; n < 3; n++) await expectRefused(forge, "token_expired", surface);
      const rows = (await authRows()).filter(({ subject }) => subject === `token/${jti}`);
      expect(rows).toMatchObject([{ actor: "ann", code: "token_expired" }]);
    });

    test("that were revoked are refused as such, and audited", async () => {
      const operator = callerOf(scene.world, "pat", "operator");
      const jti = `${surface}-revoked`;
      await scene.world.call("revoke_token", operator, { jti, reason: "leaked" });
      await expectRefused(claiming({ jti }), "token_revoked", surface);
      await expectRefused(claiming({ jti: `${jti}-2`, root_jti: jti }), "token_revoked", surface);
      const rows = (await authRows()).filter(({ subject }) => subject.startsWith(`token/${jti}`));
      expect(rows).toHaveLength(2);
    });
  });

  test.each(Object.entries(inTime))(
    "the same with %s pass, so that each fails for its one fault",
    async (_what, forge) => {
      const answer = await served.rest(await forge(scene), "GET", "/v1/status");
      expect(answer.status).toBe(200);
    },
  );

  test("are audited at most sixty times a minute, however many there are", async () => {
    await scene.world.clock.advance(60_000);
    const before = (await scene.world.store.listAudit({ limit: 1_000 })).rows.length;
    const { tokens } = scene.world.workspace;
    for (let n = 0; n < 100; n++) {
      const token = await claiming({ iss: "other", jti: `flood-${n}` })({
        ...scene,
        nowS: scene.world.clock.now() / 1_000,
      });
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: "unauthenticated" });
    }
    expect((await scene.world.store.listAudit({ limit: 1_000 })).rows.length - before).toBe(60);
  });
});

/** The same forgery under an id of its own. */
function renamed(scene: Scene, forge: Forge, jti: string): string | Promise<string> {
  const signed = forge(scene);
  const rename = (token: string): string => {
    const [header = "", payload = ""] = token.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Json;
    const fields = JSON.parse(Buffer.from(header, "base64url").toString()) as Json;
    return signEd25519(scene.ours, fields, { ...claims, jti });
  };
  return typeof signed === "string" ? rename(signed) : signed.then(rename);
}
