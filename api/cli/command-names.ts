import type { OperationName } from "./routes.ts";

/** The command that calls an operation. Advice from the node names operations; people are told commands. */
export const commandNames: Readonly<Partial<Record<OperationName, string>>> = {
  create_thread: "rouse thread create",
  get_thread: "rouse thread show",
  list_threads: "rouse thread list",
  post_message: "rouse thread post",
  read_messages: "rouse thread read",
  ack_read: "rouse thread ack",
  update_thread_status: "rouse thread block, unblock, resolve, reopen or close",
  summarize_thread: "rouse thread summary",
  trigger_participant: "rouse participant trigger",
  add_participant: "rouse participant add",
  list_participants: "rouse participant list",
  block_participant: "rouse participant block",
  unblock_participant: "rouse participant unblock",
  override_participant: "rouse participant override",
  pause_injection: "rouse pause, rouse participant pause or rouse runtime pause",
  resume_injection: "rouse resume, rouse participant resume or rouse runtime resume",
  explain: "rouse explain",
  list_wakes: "rouse wake list",
  list_escalations: "rouse escalations",
  register_agent: "rouse agent register",
  list_agents: "rouse agent list",
  register_runtime: "rouse runtime register",
  list_runtimes: "rouse runtime list",
  get_runtime: "rouse runtime show",
  deregister_runtime: "rouse runtime stop",
  reconcile_runtime: "rouse runtime reconcile",
  change_runtime_management: "rouse runtime manage or unmanage",
  get_status: "rouse status",
  get_journal: "rouse journal",
  list_dead_letters: "rouse dead-letters list",
  get_dead_letter: "rouse dead-letters show",
  requeue_dead_letter: "rouse dead-letters requeue",
  discard_dead_letter: "rouse dead-letters discard",
  list_quarantined: "rouse actors quarantined",
  release_actor: "rouse actors release",
  list_effects: "rouse effects list",
  get_effect: "rouse effects show",
  list_nodes: "rouse nodes",
  list_audit: "rouse audit list",
  list_events: "rouse events",
  get_audit_entry: "rouse audit show",
  get_audit_head: "rouse audit head",
  verify_audit: "rouse audit verify",
  list_tokens: "rouse tokens list",
  revoke_tokens_of: "rouse tokens revoke",
  list_signing_keys: "rouse keys list",
  rotate_signing_key: "rouse keys rotate",
  retire_signing_key: "rouse keys retire",
  issue_token: "rouse tokens issue",
  revoke_token: "rouse tokens revoke",
};

const anyOperation = /\b[a-z]+(?:_[a-z]+)+\b/gu;

/** The text with commands in place of operations; what is not an operation's name stays. */
export function asCommands(text: string): string {
  return text.replaceAll(anyOperation, (word) => commandNames[word as OperationName] ?? word);
}
