/**
 * Where each operation is reached. Written out because loading the operations themselves would cost every command
 * nearly half a second; `test/api/cli/routes.test.ts` holds it equal to `api/operations/list.ts`.
 */
export const routes = {
  create_thread: ["POST", "/v1/threads"],
  get_thread: ["GET", "/v1/threads/:thread_id"],
  list_threads: ["GET", "/v1/threads"],
  post_message: ["POST", "/v1/threads/:thread_id/messages"],
  read_messages: ["GET", "/v1/threads/:thread_id/messages"],
  ack_read: ["POST", "/v1/threads/:thread_id/ack"],
  update_thread_status: ["POST", "/v1/threads/:thread_id/status"],
  summarize_thread: ["GET", "/v1/threads/:thread_id/summary"],
  heartbeat_session: ["POST", "/v1/heartbeat"],
  trigger_participant: ["POST", "/v1/threads/:thread_id/participants/:agent_id/trigger"],
  add_participant: ["POST", "/v1/threads/:thread_id/participants"],
  list_participants: ["GET", "/v1/participants"],
  block_participant: ["POST", "/v1/threads/:thread_id/participants/:agent_id/block"],
  unblock_participant: ["POST", "/v1/threads/:thread_id/participants/:agent_id/unblock"],
  override_participant: ["POST", "/v1/threads/:thread_id/participants/:agent_id/override"],
  pause_injection: ["POST", "/v1/injection/pause"],
  resume_injection: ["POST", "/v1/injection/resume"],
  explain: ["GET", "/v1/explain/:agent_id"],
  list_wakes: ["GET", "/v1/wakes"],
  register_agent: ["PUT", "/v1/agents/:agent_id"],
  list_agents: ["GET", "/v1/agents"],
  register_runtime: ["POST", "/v1/runtimes"],
  list_runtimes: ["GET", "/v1/runtimes"],
  get_runtime: ["GET", "/v1/runtimes/:runtime_id"],
  deregister_runtime: ["POST", "/v1/runtimes/:runtime_id/stop"],
  reconcile_runtime: ["POST", "/v1/runtimes/:runtime_id/reconcile"],
  change_runtime_management: ["POST", "/v1/runtimes/:runtime_id/management"],
  get_status: ["GET", "/v1/status"],
  get_journal: ["GET", "/v1/journal"],
  list_dead_letters: ["GET", "/v1/dead-letters"],
  list_audit: ["GET", "/v1/audit"],
  issue_token: ["POST", "/v1/tokens"],
  revoke_token: ["POST", "/v1/tokens/revoke"],
} as const satisfies Record<string, readonly [method: string, path: string]>;

export type OperationName = keyof typeof routes;
