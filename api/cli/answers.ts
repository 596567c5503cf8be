import { z } from "zod";
import { configSchema } from "../config.ts";
import { getOperation } from "../operations/list.ts";
import { participantShape } from "../operations/participant-view.ts";
import { runtimeShape } from "../operations/runtime-view.ts";
import {
  activityShape,
  backupShape,
  chartShape,
  checkShape,
  connectShape,
  demoShape,
  doctorShape,
  jsonRpcShape,
  nodeFileShape,
  replayShape,
  restoreShape,
  verificationShape,
} from "./answer-shapes.ts";

/** What a command prints with `--json`. */
export type Answer =
  /** An operation's answer as the node gave it. */
  | { operation: string }
  /** Made by the command itself. `form` says in words what is no list of fields. */
  | { schema: z.ZodType; form?: string }
  /** One value a line, as many as there are. */
  | { lines: z.ZodType; form: string };

/** Of the whole answer, or of each of its lines. Throws where an operation does not exist. */
export function schemaOf(answer: Answer): z.ZodType {
  if ("operation" in answer) return outputOf(answer.operation);
  return "lines" in answer ? answer.lines : answer.schema;
}

function outputOf(name: string): z.ZodObject {
  const operation = getOperation(name);
  if (operation === null) throw new Error(`there is no operation ${name}`);
  return operation.output as z.ZodObject;
}

function field(operation: string, name: string): z.ZodType {
  return outputOf(operation).shape[name] as z.ZodType;
}

function rowOf(operation: string, name: string): z.ZodType {
  return (outputOf(operation).shape[name] as z.ZodArray<z.ZodType>).element;
}

const of = (operation: string): Answer => ({ operation });
const own = (shape: z.ZodRawShape): Answer => ({ schema: z.object(shape) });
const whole = (schema: z.ZodType, form?: string): Answer =>
  form === undefined ? { schema } : { schema, form };
const lines = (schema: z.ZodType, form: string): Answer => ({ lines: schema, form });

/** Every command has an entry; a test runs them and holds their output against it. */
export const answers: Readonly<Record<string, Answer>> = {
  up: own({ started: z.boolean(), node: nodeFileShape, log: z.string() }),
  down: own({ stopped: z.boolean(), pid: z.int().nullable(), database_kept: z.boolean() }),
  status: own({
    url: z.string(),
    node: nodeFileShape.nullable(),
    database: z.enum(["ready", "unavailable"]),
    workspace: outputOf("get_status"),
    runtimes: z.array(runtimeShape),
    blocked: z.array(participantShape),
    dead_letters: field("list_dead_letters", "dead_letters"),
    quarantined: field("list_quarantined", "actors"),
  }),
  top: own({
    workspace: outputOf("get_status"),
    participants: z.array(participantShape),
    participants_complete: z.boolean(),
    runtimes: z.array(runtimeShape),
    wakes: field("list_wakes", "wakes"),
    nodes: field("list_nodes", "nodes"),
    now: z.iso.datetime(),
  }),
  config: whole(configSchema, "the settings in force, as in config.json"),
  demo: whole(demoShape),
  "thread create": of("create_thread"),
  "thread list": of("list_threads"),
  "thread show": of("get_thread"),
  "thread post": of("post_message"),
  "thread read": of("read_messages"),
  "thread ack": of("ack_read"),
  "thread close": of("update_thread_status"),
  "thread resolve": of("update_thread_status"),
  "thread block": of("update_thread_status"),
  "thread escalate": of("update_thread_status"),
  "thread unblock": of("update_thread_status"),
  "thread reopen": of("update_thread_status"),
  "thread pause": of("pause_injection"),
  "thread resume": of("resume_injection"),
  "thread summary": of("summarize_thread"),
  "participant list": of("list_participants"),
  "participant show": own({ participant: participantShape }),
  "participant add": of("add_participant"),
  "participant trigger": of("trigger_participant"),
  "participant block": of("block_participant"),
  "participant unblock": of("unblock_participant"),
  "participant override": of("override_participant"),
  "participant pause": of("pause_injection"),
  "participant resume": of("resume_injection"),
  explain: of("explain"),
  escalations: of("list_escalations"),
  "notifications list": of("list_notifications"),
  "notifications test": of("list_notifications"),
  "notifications retry": of("retry_notifications"),
  "notifications off": of("switch_notifications"),
  "notifications on": of("switch_notifications"),
  prompts: of("list_prompts"),
  mcp: lines(jsonRpcShape, "the protocol itself, a message a line"),
  "agent register": of("register_agent"),
  "agent list": of("list_agents"),
  "agent doctor": whole(doctorShape),
  "agent connect": whole(connectShape),
  "runtime register": of("register_runtime"),
  "runtime list": of("list_runtimes"),
  "runtime show": of("get_runtime"),
  "runtime answer": of("answer_prompt"),
  "runtime attach": own({ runtime_id: z.string(), command: z.array(z.string()) }),
  "runtime stop": of("deregister_runtime"),
  "runtime reconcile": of("reconcile_runtime"),
  "runtime manage": of("change_runtime_management"),
  "runtime unmanage": of("change_runtime_management"),
  "runtime pause": of("pause_injection"),
  "runtime resume": of("resume_injection"),
  "tokens issue": of("issue_token"),
  "tokens list": of("list_tokens"),
  "tokens revoke": whole(
    z.union([outputOf("revoke_token"), outputOf("revoke_tokens_of")]),
    "the answer of `revoke_token`, or with --agent of `revoke_tokens_of`",
  ),
  "keys list": of("list_signing_keys"),
  "keys rotate": of("rotate_signing_key"),
  "keys retire": of("retire_signing_key"),
  pause: of("pause_injection"),
  resume: of("resume_injection"),
  "wake list": of("list_wakes"),
  journal: of("get_journal"),
  events: of("list_events"),
  "audit list": of("list_audit"),
  "audit show": of("get_audit_entry"),
  "audit export": lines(rowOf("list_audit", "entries"), "an entry of `list_audit` a line"),
  "audit head": of("get_audit_head"),
  "audit verify": whole(verificationShape(rowOf("verify_audit", "problems"))),
  "dead-letters list": of("list_dead_letters"),
  "dead-letters show": of("get_dead_letter"),
  "dead-letters requeue": of("requeue_dead_letter"),
  "dead-letters discard": of("discard_dead_letter"),
  "actors quarantined": of("list_quarantined"),
  "actors release": of("release_actor"),
  "effects list": of("list_effects"),
  "effects show": of("get_effect"),
  nodes: of("list_nodes"),
  backup: whole(backupShape),
  restore: whole(restoreShape),
  "database activity": whole(activityShape),
  "database end": own({ pid: z.int(), ended: z.literal(true) }),
  "machine export": whole(chartShape, "the chart as `createMachine` reads it, or the form asked for"),
  check: whole(checkShape),
  replay: whole(replayShape),
  completion: own({ shell: z.string(), script: z.string() }),
};
