import { z } from "zod";
import { topics } from "../../machines/mail.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import type { RuntimeEvent } from "../../machines/runtime/events.ts";
import { agentFacts } from "../../runtime/agent-facts.ts";
import type { Agent } from "../../runtime/domain.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Transaction } from "../../runtime/store.ts";
import type { Caller } from "./caller.ts";
import {
  agentId,
  caps,
  cursor,
  hostName,
  isStorable,
  isoOrNull,
  limit,
  page,
  pageEnd,
  pageQuery,
  timestamp,
} from "./fields.ts";
import { defineMutation, defineQuery, type MutationCall } from "./operation.ts";
import { authorities, overseers } from "./role-sets.ts";

const agentShape = z.object({
  agent_id: z.string(),
  kind: z.string().nullable().describe("null: nobody told how to start it."),
  host: z.string().nullable(),
  spawnable: z.boolean(),
  paused: z.boolean(),
  session: z
    .object({ session_id: z.string(), host: z.string(), resumable: z.boolean() })
    .nullable()
    .describe("The latest session that it reported."),
  last_heartbeat_at: timestamp.nullable(),
});

/** The definition stays inside: it may hold secrets for the agent's environment. */
function agentView(agent: Agent): z.input<typeof agentShape> {
  const { session } = agent;
  return {
    agent_id: agent.agentId,
    kind: agent.kind,
    host: agent.host,
    spawnable: agentFacts(agent, []).spawnHost !== null,
    paused: agent.paused,
    session:
      session === null
        ? null
        : { session_id: session.sessionId, host: session.host, resumable: session.resumable },
    last_heartbeat_at: isoOrNull(agent.lastHeartbeatAt),
  };
}

const kind = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "must be the name of an agent kind");

export const registerAgent = defineMutation({
  name: "register_agent",
  summary: "Tells how and where an agent can be started, so that it can be woken when nothing of it lives.",
  toolset: "coordination",
  http: { method: "PUT", path: "/v1/agents/:agent_id" },
  roles: authorities,
  idempotent: true,
  input: {
    agent_id: agentId,
    kind: kind.describe("Agent kind, for instance generic."),
    definition: z
      .record(z.string().max(128), z.json())
      .describe(
        "What the kind needs to start it. generic: command, cwd and patterns of its screen; see the guide.",
      ),
    host: hostName
      .optional()
      .describe("Where it may be started. Default: the host of the node that answers."),
  },
  output: { agent: agentShape },
  async handler({ caller, input, tx, workspace, noteChange }) {
    requireFitting(input.definition);
    workspace.checkDefinition(input.kind, input.definition);
    const { agent_id: id, kind: kindName, definition, host = workspace.host } = input;
    const before = await tx.getAgent(id);
    await tx.putAgent({ agentId: id, kind: kindName, definition, host });
    const agent = await tx.getAgent(id);
    if (agent === null) throw new RouseError("internal", `agent ${id} was not written`);
    noteProgram({ noteChange }, before, agent);
    const { session, spawnHost } = agentFacts(agent, []);
    const event: ParticipantEvent = { type: "agent.reported", agent: { session, spawnHost } };
    await tx.publish({ topic: topics.agent(id), from: caller.agentId, event: { ...event } });
    await lookAnew(tx, caller, id);
    return { agent: agentView(agent) };
  },
});

/** Of the definition only that it changed: it may hold secrets. */
function noteProgram(
  { noteChange }: Pick<MutationCall<unknown>, "noteChange">,
  before: Agent | null,
  after: Agent,
) {
  const { agentId, kind: kindName, host, definition } = after;
  noteChange(`agent/${agentId} kind`, { before: before?.kind ?? null, after: kindName });
  noteChange(`agent/${agentId} host`, { before: before?.host ?? null, after: host });
  const known = before?.definition ?? null;
  const isSame = JSON.stringify(known) === JSON.stringify(definition);
  const was = known === null ? null : "given";
  noteChange(`agent/${agentId} definition`, { before: was, after: isSame ? was : "given anew" });
}

/** Terminals that are watched already are read by the new definition from now on. */
async function lookAnew(tx: Transaction, caller: Caller, agent: string): Promise<void> {
  const runtimes = await tx.listActorsBySubject({ kind: "runtime", subject: agent });
  const event: RuntimeEvent = { type: "reconciliation.requested" };
  const living = runtimes.filter(({ status }) => status === "active");
  await tx.send(living.map(({ address: to }) => ({ to, from: caller.agentId, event: { ...event } })));
}

function requireFitting(definition: object): void {
  const written = JSON.stringify(definition);
  const bytes = Buffer.byteLength(written);
  if (bytes > caps.definitionBytes) {
    throw new RouseError(
      "body_too_large",
      `the definition has ${bytes} bytes; ${caps.definitionBytes} are allowed`,
      {
        nextStep: "Keep prompts and files out of it; name their path instead.",
      },
    );
  }
  // JSON escapes NUL and half surrogates, so they are looked for in escaped form too.
  if (isStorable(written) && !/\\u0000|\\ud[89a-f]/i.test(written)) return;
  throw new RouseError("invalid_input", "definition: must be well-formed Unicode without NUL", {
    nextStep: "Remove the character and repeat the call.",
  });
}

export const listAgents = defineQuery({
  name: "list_agents",
  summary: "Agents of the workspace: how they are started, their latest session and heartbeat.",
  toolset: "coordination",
  http: { method: "GET", path: "/v1/agents" },
  roles: overseers,
  input: { limit, cursor },
  output: { agents: z.array(agentShape), ...page },
  async handler({ input, store }) {
    const { rows, next } = await store.transaction((tx) => tx.listAgents(pageQuery(input)), {
      readOnly: true,
    });
    return { agents: rows.map(agentView), ...pageEnd(next) };
  },
});
