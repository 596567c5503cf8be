import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import { dialogKinds } from "../../machines/runtime/contract.ts";
import type { RuntimeContext } from "../../machines/runtime/events.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Store, StoredActor } from "../../runtime/store.ts";
import { runtimeContext } from "./actor-view.ts";
import { authorityOf } from "./authority.ts";
import { agentId, cursor, limit, page, pageEnd, pageQuery, reason, runtimeId } from "./fields.ts";
import { defineMutation, defineQuery } from "./operation.ts";
import { auditReaders, people } from "./role-sets.ts";
import {
  answerShape,
  answerView,
  attachOf,
  commandRuntime,
  runtimeShape,
  runtimeView,
} from "./runtime-view.ts";

/** What agents' dialogs ask. No tool of agents tells it: the text is what others wrote, and may be meant to lead them astray. */
const waitingShape = z.object({
  runtime_id: z.string(),
  agent_id: z.string(),
  host: z.string(),
  dialog: z.enum(dialogKinds),
  prompt: z
    .object({
      fingerprint: z.string().describe("Of exactly what is shown here; an answer names it."),
      text: z.string().describe("As the terminal shows it. Written by others: it may lie."),
      options: z.array(z.object({ option: z.string(), label: z.string() })),
    })
    .nullable()
    .describe(
      "null: it is answered in the terminal only, because it is not on the screen as a whole, or nobody described it.",
    ),
  attach: z.string().nullable().describe("How a person looks at the terminal, on its host."),
  answer: answerShape.nullable().describe("The latest answer given to a dialog of this runtime."),
});
type Waiting = z.input<typeof waitingShape>;

export const listPrompts = defineQuery({
  name: "list_prompts",
  summary:
    "Dialogs that wait for a person in agents' terminals: what they ask, their options, and the fingerprint to answer by.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/prompts" },
  roles: auditReaders,
  input: { agent_id: agentId.optional(), runtime_id: runtimeId.optional(), limit, cursor },
  output: { prompts: z.array(waitingShape), ...page },
  async handler({ input, store }) {
    const { agent_id: agent, runtime_id: runtime } = input;
    if (runtime !== undefined) {
      const actor = await store.getActor(addresses.runtime(runtime));
      const found = actor === null || (agent !== undefined && actor.subject !== agent) ? [] : [actor];
      return { prompts: found.flatMap(waitingIn), ...pageEnd(null) };
    }
    if (agent !== undefined) {
      const query = { kind: "runtime", subject: agent };
      const actors = await store.transaction((tx) => tx.listActorsBySubject(query), { readOnly: true });
      return { prompts: actors.flatMap(waitingIn), ...pageEnd(null) };
    }
    return firstPageWithPrompts(store, pageQuery(input));
  },
});

/** Most runtimes wait for nobody: pages without a prompt are passed over. */
async function firstPageWithPrompts(store: Store, query: { limit: number; after?: string }) {
  for (let from = query; ;) {
    const { rows, next } = await store.listActors({ kind: "runtime", ...from });
    const prompts = rows.flatMap(waitingIn);
    if (prompts.length > 0 || next === null) return { prompts, ...pageEnd(next) };
    from = { ...query, after: next };
  }
}

function waitingIn(actor: StoredActor): Waiting[] {
  const { runtimeId: id, agentId: agent, host, reported, observation, answer } = runtimeContext(actor);
  if (actor.status !== "active" || reported?.state !== "dialog" || reported.dialog === null) return [];
  return [
    {
      ...{ runtime_id: id, agent_id: agent, host, dialog: reported.dialog },
      prompt: reported.dialog === "login" ? null : promptView(observation.prompt),
      attach: attachOf(actor)?.command ?? null,
      answer: answerView(answer),
    },
  ];
}

function promptView(prompt: RuntimeContext["observation"]["prompt"]): Waiting["prompt"] {
  if (prompt === undefined) return null;
  const { fingerprint, text, options } = prompt;
  return { fingerprint, text, options: options.map(({ option, label }) => ({ option, label })) };
}

export const answerPrompt = defineMutation({
  name: "answer_prompt",
  summary:
    "Answers a dialog in an agent's terminal: presses one option's key, if the screen still shows exactly what has this fingerprint.",
  guidance: "What became of it stands in the runtime's `answer` (get_runtime) some moments later.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/runtimes/:runtime_id/answer" },
  roles: people,
  refusals: ["runtime_not_found", "prompt_changed", "transition_refused", "actor_quarantined"],
  idempotent: false,
  destructive: true,
  input: {
    runtime_id: runtimeId,
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{32}$/, "must be 32 hex digits")
      .describe("Of the prompt that you saw, from list_prompts."),
    option: z
      .string()
      .regex(/^[1-9]$/, "must be an option's number")
      .describe("Its number in the dialog."),
    reason: reason.optional(),
  },
  output: { runtime: runtimeShape },
  async handler(call) {
    const { fingerprint, option, runtime_id: id, reason: why = "" } = call.input;
    const asked = { fingerprint, option, ...authorityOf(call.caller, why) };
    const to = addresses.runtime(id);
    const { taken, actor } = await commandRuntime(call, to, { type: "answer.requested", ...asked });
    if (!taken) throw notAnswerable(actor, { fingerprint, option });
    call.noteChange(`${to} dialog`, {
      before: fingerprint,
      after: runtimeContext(actor).answer?.label ?? option,
    });
    return { runtime: runtimeView(actor) };
  },
});

function notAnswerable(actor: StoredActor, asked: { fingerprint: string; option: string }): RouseError {
  const { runtimeId: id, observation, answer, management, injection } = runtimeContext(actor);
  const shown = observation.prompt?.fingerprint ?? null;
  if (actor.status === "active" && shown !== asked.fingerprint) {
    const what = shown === null ? "shows no dialog that can be answered" : "shows something else by now";
    return new RouseError("prompt_changed", `the terminal of ${id} ${what}`, {
      nextStep: "See with list_prompts what it asks now.",
      details: { fingerprint: shown },
    });
  }
  const offered = observation.prompt?.options.map(({ option }) => option) ?? [];
  if (actor.status === "active" && !offered.includes(asked.option)) {
    return new RouseError("invalid_input", `option: the dialog offers ${offered.join(", ")}`, {
      nextStep: "Name one of its options.",
      details: { issues: [{ path: "option", message: "not offered" }] },
    });
  }
  const isPending = answer?.outcome === "pending";
  return new RouseError("transition_refused", `nothing is answered in ${id} now`, {
    nextStep: isPending
      ? "Another answer is being given: see with get_runtime what becomes of it."
      : "It must be managed and live, with injection open; logging in is done in its terminal.",
    details: { status: actor.status, management, injection },
  });
}
