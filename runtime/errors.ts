/**
 * Every failure a caller can meet has a code from this closed list. Codes are stable: programs branch on them.
 * `status` is the HTTP status, `exit` the CLI exit code, `retryable` whether the same call may succeed later.
 */
export const errorCodes = {
  invalid_input: { status: 400, exit: 2, retryable: false },
  content_refused: { status: 422, exit: 2, retryable: false },
  body_too_large: { status: 413, exit: 2, retryable: false },
  unauthenticated: { status: 401, exit: 3, retryable: false },
  token_expired: { status: 401, exit: 3, retryable: false },
  token_revoked: { status: 401, exit: 3, retryable: false },
  forbidden: { status: 403, exit: 3, retryable: false },
  identity_mismatch: { status: 403, exit: 3, retryable: false },
  not_found: { status: 404, exit: 4, retryable: false },
  thread_not_found: { status: 404, exit: 4, retryable: false },
  agent_not_found: { status: 404, exit: 4, retryable: false },
  runtime_not_found: { status: 404, exit: 4, retryable: false },
  actor_not_found: { status: 404, exit: 4, retryable: false },
  not_a_participant: { status: 403, exit: 3, retryable: false },
  thread_closed: { status: 409, exit: 5, retryable: false },
  transition_refused: { status: 409, exit: 5, retryable: false },
  prompt_changed: { status: 409, exit: 5, retryable: false },
  already_exists: { status: 409, exit: 5, retryable: false },
  idempotency_conflict: { status: 409, exit: 5, retryable: false },
  reason_required: { status: 400, exit: 2, retryable: false },
  rate_limited: { status: 429, exit: 6, retryable: true },
  actor_quarantined: { status: 409, exit: 5, retryable: false },
  machine_unknown: { status: 500, exit: 1, retryable: false },
  machine_version_mismatch: { status: 503, exit: 6, retryable: true },
  machine_migration_failed: { status: 500, exit: 1, retryable: false },
  machine_forbidden_construct: { status: 500, exit: 1, retryable: false },
  port_unknown: { status: 500, exit: 1, retryable: false },
  port_value_invalid: { status: 500, exit: 1, retryable: false },
  port_failed: { status: 500, exit: 1, retryable: true },
  port_refused: { status: 409, exit: 5, retryable: false },
  wait_timeout: { status: 504, exit: 6, retryable: true },
  conflict: { status: 409, exit: 6, retryable: true },
  node_id_taken: { status: 409, exit: 7, retryable: false },
  lease_lost: { status: 409, exit: 6, retryable: false },
  effect_uncertain: { status: 500, exit: 1, retryable: false },
  effect_timeout: { status: 504, exit: 6, retryable: true },
  terminal_missing: { status: 409, exit: 5, retryable: false },
  terminal_identity_mismatch: { status: 409, exit: 5, retryable: false },
  terminal_backend_missing: { status: 501, exit: 7, retryable: false },
  terminal_failed: { status: 500, exit: 1, retryable: true },
  launch_failed: { status: 500, exit: 1, retryable: false },
  session_held: { status: 409, exit: 5, retryable: false },
  database_unavailable: { status: 503, exit: 6, retryable: true },
  commit_outcome_unknown: { status: 503, exit: 6, retryable: true },
  directory_not_writable: { status: 500, exit: 7, retryable: false },
  root_without_other_user: { status: 500, exit: 7, retryable: false },
  binaries_missing: { status: 500, exit: 7, retryable: false },
  port_in_use: { status: 500, exit: 7, retryable: false },
  schema_mismatch: { status: 500, exit: 7, retryable: false },
  not_running: { status: 503, exit: 7, retryable: true },
  request_timeout: { status: 408, exit: 6, retryable: true },
  overloaded: { status: 503, exit: 6, retryable: true },
  draining: { status: 503, exit: 6, retryable: true },
  internal: { status: 500, exit: 1, retryable: false },
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorOptions {
  /** What the reader can do next, one sentence. */
  nextStep?: string;
  /** JSON facts a program may use, for instance `{ from: 'closed', to: 'active' }`. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

export class RouseError extends Error {
  override readonly name = "RouseError";
  readonly code: ErrorCode;
  readonly nextStep: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.nextStep = options.nextStep;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }
}

export function isRouseError(error: unknown, code?: ErrorCode): error is RouseError {
  return error instanceof RouseError && (code === undefined || error.code === code);
}

export interface ErrorBody {
  code: string;
  message: string;
  retryable: boolean;
  details?: Record<string, unknown>;
}

/** The JSON form of any thrown value: what is stored with effects, dead letters and journal rows. */
export function errorBody(error: unknown): ErrorBody {
  if (isRouseError(error)) {
    const body = { code: error.code, message: error.message, retryable: error.retryable };
    return Object.keys(error.details).length === 0 ? body : { ...body, details: error.details };
  }
  return {
    code: "internal",
    message: error instanceof Error ? error.message : String(error),
    retryable: false,
  };
}
