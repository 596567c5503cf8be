import { inputSchema } from "../../api/operations/json-schema.ts";
import type { Operation } from "../../api/operations/operation.ts";
import type { Role } from "../../machines/roles.ts";
import { canary, type KnownValues } from "./seed.ts";
import type { HostileStage } from "./stage.ts";
import { changedTables } from "./state-reader.ts";
import { mcpCall, mcpVerdict, restCall, restVerdict, type Surface, type Verdict } from "./surfaces.ts";

/** Fields whose values belong to a tenant. A new field of the kind has to be named here, or the matrix says so. */
const owned = [
  ...[
    "thread_id",
    "agent_id",
    "runtime_id",
    "address",
    "incarnation",
    "dead_letter_id",
    "audit_id",
    "wake_id",
  ],
  ...["kid", "jti", "session_id", "cursor", "after", "subject", "request_id", "actor", "from", "anchor"],
  ...["idempotency_key", "participants", "to", "in_reply_to", "seq", "after_seq"],
];

/** What every call needs to be understood, and what belongs to nobody. */
const neutral: Readonly<Record<string, unknown>> = {
  ...{
    title: "t",
    body: "b",
    reason: "why",
    type: "review",
    kind: "generic",
    definition: { command: ["true"] },
  },
  ...{
    status: "active",
    attention: "blocked",
    code: "internal",
    scope: "agent",
    mode: "attach",
    backend: "pty",
    fingerprint: "0".repeat(32),
    option: "1",
  },
  ...{
    host: "here",
    server: "/tmp/x",
    target: "%1",
    pid: 1,
    prompt: "p",
    role: "participant",
    lifetime_s: 60,
  },
  ...{ limit: 10, max_bytes: 2_048, preview_bytes: 512, wait_s: 0, types: "message.posted", outcome: "done" },
  ...{
    operation: "post_message",
    order: "newest",
    since: "2026-01-01T00:00:00Z",
    until: "2099-01-01T00:00:00Z",
  },
  ...{ release: false, refreshable: false, resumable: true, management: "managed", state: "live" },
  ...{ ending_within_s: 60, notifier_id: "webhook", on: false },
};
/** Where the neutral value would be none of the field's. */
const ofOperation: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  post_message: { kind: "finding" },
  list_dead_letters: { status: "open" },
  list_effects: { status: "pending" },
};

/** Fields that this operation has and nobody sorted yet. */
export function unsortedFields(operation: Operation): string[] {
  const names = Object.keys(inputSchema(operation).properties);
  return names.filter((name) => !owned.includes(name) && !(name in neutral));
}

export interface Probe {
  operation: Operation;
  /** Its owned fields that are filled in. */
  fields: readonly string[];
}

/** Each operation as bare as it may be, with each of its owned fields alone, and with all of them. */
export function probesOf(operation: Operation): Probe[] {
  const { properties, required = [] } = inputSchema(operation);
  const names = Object.keys(properties).filter((name) => owned.includes(name));
  const needed = names.filter((name) => required.includes(name));
  const each = names.filter((name) => !required.includes(name)).map((name) => [...needed, name]);
  const sets = [needed, ...each, names];
  return [...new Map(sets.map((fields) => [fields.join(), { operation, fields }])).values()];
}

export function inputOf({ operation, fields }: Probe, values: KnownValues): Record<string, unknown> {
  const { properties, required = [] } = inputSchema(operation);
  const fixed = { ...neutral, ...ofOperation[operation.name] };
  const entries = Object.keys(properties).flatMap((name): [string, unknown][] => {
    if (fields.includes(name)) return [[name, valueOf(name, properties[name] as object, values)]];
    const isWanted = required.includes(name) || name === "reason";
    return isWanted ? [[name, fixed[name]]] : [];
  });
  return Object.fromEntries(entries);
}

/** Same shape for both tenants, so that their answers can be compared letter by letter. */
function valueOf(name: string, schema: object, values: KnownValues): unknown {
  const agent = String(values["agent_id"]);
  if (name === "participants" || name === "to") return [agent];
  if (name === "subject") return `thread/${values["thread_id"]}`;
  if (name === "actor") return agent;
  if (name === "request_id") return "seed";
  if (name === "from") return `1:${"a".repeat(64)}`;
  if (name === "anchor") return "a".repeat(64);
  if (name === "after_seq") return 0;
  if (name === "after") return "0";
  if (name === "cursor" && !("pattern" in schema)) return String(values["cursor"] ?? "0");
  if (name === "cursor") return "0";
  return values[name];
}

export interface Finding {
  probe: string;
  complaint: string;
}

export interface CrossOptions {
  role: Role;
  surface: Surface;
  /** Of tenant A, whom tenant B asks about. */
  foreign: KnownValues;
}

/** Two servers where B has lived the same life: at one of them A does, too, and at the other nobody else. */
export interface Worlds {
  withA: HostileStage;
  withoutA: HostileStage;
}

/** B asks both worlds about what is A's: both have to answer the same, and A stays as it was. */
export async function crossWall(
  { withA, withoutA }: Worlds,
  probe: Probe,
  options: CrossOptions,
): Promise<Finding[]> {
  const { a, b, state } = withA;
  const [before, refusalsOfA] = await Promise.all([state.read(a.id), state.refusals(a.id)]);
  const refusalsOfB = await state.refusals(b.id);
  const answer = await ask(withA, probe, options);
  const refusedMore = (await state.refusals(b.id)) - refusalsOfB;
  const other = await ask(withoutA, probe, options);
  const complaints: string[] = [];
  const [seen, expected] = [plain(answer), plain(other)];
  // A cursor is a place among all rows of the database: which of B's own rows follow it differs with the numbers skipped.
  const isPlace = probe.fields.includes("cursor");
  if (seen !== expected && !isPlace)
    complaints.push(`answers differ:\n  with A:    ${seen}\n  without A: ${expected}`);
  if (JSON.stringify(answer).includes(canary)) complaints.push("what is A's stands in B's answer");
  const changed = changedTables(before, await state.read(a.id));
  if (changed.length > 0) complaints.push(`A's ${changed.join(", ")} changed`);
  if ((await state.refusals(a.id)) !== refusalsOfA) complaints.push("A's audit hears of B's call");
  if (answer.type === "refused" && refusedMore !== 1)
    complaints.push(`${refusedMore} refusals were audited, not 1`);
  const said = `${probe.operation.name} [${probe.fields.join(", ")}] as ${options.role} over ${options.surface}`;
  return complaints.map((complaint) => ({ probe: said, complaint }));
}

/** A call that revoked the caller's own tokens is no reason to stop asking. */
async function ask(
  stage: HostileStage,
  probe: Probe,
  { role, surface, foreign }: CrossOptions,
): Promise<Verdict> {
  const fields = inputOf(probe, foreign);
  const input = { kind: "valid" as const, json: JSON.stringify(fields), fields };
  const { operation } = probe;
  const attempt = { operation, input, envelope: "plain" as const, token: await stage.b.token(role) };
  return surface === "rest"
    ? restVerdict(await stage.client.send(restCall(attempt)))
    : mcpVerdict(await stage.client.send(mcpCall(attempt)));
}

/** Without what differs between any two calls: times, ids of requests and rows and of what was made. */
function plain(verdict: Verdict): string {
  return JSON.stringify(verdict)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/eyJ[\w.-]+/g, "<token>")
    .replaceAll(
      /"(?:audit_id|journal_id|event_id|dead_letter_id|escalation_id|next_cursor|cursor|anchor|hash|x)":"[^"]*"/g,
      '"<row>"',
    )
    .replaceAll(/[0-9a-f]{12,64}/g, "<made>")
    .replaceAll(/-[0-9a-f]{8}\b/g, "-<made>");
}
