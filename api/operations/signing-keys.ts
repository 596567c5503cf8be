import { z } from "zod";
import { RouseError } from "../../runtime/errors.ts";
import { requireReason } from "./access.ts";
import { reason, text } from "./fields.ts";
import { defineMutation, defineQuery } from "./operation.ts";
import { auditReaders, people } from "./role-sets.ts";
import { signingKeyShape, signingKeyView } from "./token-view.ts";

const kid = text(64)
  .regex(/^[A-Za-z0-9_-]+$/, "must be a key's id")
  .describe("The key's id, as in a token's header.");

export const listSigningKeys = defineQuery({
  name: "list_signing_keys",
  summary: "Keys that sign and verify tokens: public parts, states, who retired one and why. Oldest first.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/keys" },
  roles: auditReaders,
  input: {},
  output: { keys: z.array(signingKeyShape) },
  async handler({ store }) {
    const { keys, now } = await store.transaction((tx) => tx.readTokenTrust(), { readOnly: true });
    return { keys: keys.map((key) => signingKeyView(key, now)) };
  },
});

export const rotateSigningKey = defineMutation({
  name: "rotate_signing_key",
  summary: "Makes a new signing key. What the one before signed stays good until it expires.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/keys/rotate" },
  roles: people,
  idempotent: false,
  refusals: ["reason_required"],
  input: { reason: reason.optional().describe("Required: why.") },
  output: { kid: z.string().describe("The new key, which signs from now on.") },
  async handler({ caller, input, noteChange, tx, workspace }) {
    requireReason(input.reason, "rotating the signing key");
    const { keys } = await tx.readTokenTrust();
    const before = keys.find(({ verifiesUntil }) => verifiesUntil === null)?.kid ?? null;
    const after = await workspace.tokens.createKey(tx, caller.agentId);
    noteChange("signing-key", { before, after });
    workspace.tokens.noteChanged();
    return { kid: after };
  },
});

export const retireSigningKey = defineMutation({
  name: "retire_signing_key",
  summary: "Refuses all that a key signed, everywhere within seconds: for a key that leaked.",
  guidance:
    "Agents keep no good token: those that Rouse launched have to be launched again. The command line of a node gets a new one by itself.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/keys/retire" },
  roles: people,
  idempotent: true,
  destructive: true,
  refusals: ["not_found", "reason_required"],
  input: { kid, reason: reason.optional().describe("Required: why.") },
  output: {
    kid: z.string(),
    retired: z.boolean().describe("false: it was retired before."),
    signing_kid: z.string().describe("The key that signs from now on."),
  },
  async handler({ caller, input, noteChange, tx, workspace }) {
    const why = requireReason(input.reason, "retiring a signing key");
    const { keys } = await tx.readTokenTrust();
    const key = keys.find((each) => each.kid === input.kid);
    if (key === undefined) throw keyNotFound(input.kid);
    const retired = await tx.retireSigningKey({ kid: key.kid, by: caller.agentId, reason: why });
    if (retired) noteChange(`signing-key/${key.kid}`, { before: "trusted", after: "retired" });
    const signer = keys.find((each) => each.verifiesUntil === null && each.kid !== key.kid);
    const signing = signer?.kid ?? (await workspace.tokens.createKey(tx, caller.agentId));
    workspace.tokens.noteChanged();
    return { kid: key.kid, retired, signing_kid: signing };
  },
});

function keyNotFound(id: string): RouseError {
  return new RouseError("not_found", `there is no signing key ${id}`, {
    nextStep: "See rouse keys list.",
    details: { kid: id },
  });
}
