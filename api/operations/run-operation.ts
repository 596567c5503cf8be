import { RouseError, isRouseError } from "../../runtime/errors.ts";
import type { Transaction } from "../../runtime/store.ts";
import { doneEntry, isRefusal, refusedEntry, type AuditedCall } from "./audit.ts";
import { payloadFingerprint, replay } from "./idempotency.ts";
import type { Caller } from "./caller.ts";
import { schemaVersion, type Mutation, type Operation, type Query, type Workspace } from "./operation.ts";
import { identityMismatch, validateInput } from "./validate.ts";

export interface OperationRequest {
  operation: Operation;
  caller: Caller;
  /** As it came in. */
  input: unknown;
  workspace: Workspace;
  requestId: string;
}

export type OperationResult = Record<string, unknown>;

/** Conflicts come from writers on the same rows; each round lets at least one of them through. */
const mostAttempts = 12;

/**
 * Runs one call: role → input → idempotency → handler → audit in one transaction, then rings.
 * Throws RouseError; refusals are audited in their own transaction. `commit_outcome_unknown` may be repeated with the same key.
 */
export async function runOperation(request: OperationRequest): Promise<OperationResult> {
  try {
    requireWorkspace(request);
    requireRole(request);
    const input = validateInput(request.operation, request.caller, request.input);
    return await perform(request, input);
  } catch (error) {
    if (isRefusal(error)) await auditRefusal(request, error);
    throw error;
  }
}

function requireWorkspace({ caller, workspace }: OperationRequest): void {
  if (caller.workspaceId !== workspace.engine.workspaceId) throw identityMismatch("workspace_id");
}

function requireRole({ operation, caller }: OperationRequest): void {
  if (operation.roles.includes(caller.role)) return;
  throw new RouseError("forbidden", `role ${caller.role} may not ${operation.name}`, {
    nextStep: `Ask somebody with role ${operation.roles.join(" or ")}.`,
    details: { role: caller.role, allowed: operation.roles },
  });
}

function perform(request: OperationRequest, input: Record<string, unknown>): Promise<OperationResult> {
  const { operation } = request;
  return operation.readOnly ? query(operation, request, input) : mutate(operation, request, input);
}

async function query(
  operation: Query,
  request: OperationRequest,
  input: Record<string, unknown>,
): Promise<OperationResult> {
  const { caller, workspace, requestId } = request;
  const store = workspace.engine.store;
  return complete(operation, await operation.handler({ caller, input, workspace, store, requestId }));
}

async function mutate(
  operation: Mutation,
  request: OperationRequest,
  input: Record<string, unknown>,
): Promise<OperationResult> {
  const { engine } = request.workspace;
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await engine.store.transaction((tx) => mutateIn(tx, operation, request, input));
      engine.ring();
      return result;
    } catch (error) {
      if (!mayRepeat(error, input) || attempt >= mostAttempts) throw error;
    }
  }
}

/** With a key a repetition finds its own first result, so an unknown outcome can be looked up by trying again. */
function mayRepeat(error: unknown, input: Record<string, unknown>): boolean {
  if (isRouseError(error, "conflict")) return true;
  return isRouseError(error, "commit_outcome_unknown") && input["idempotency_key"] !== undefined;
}

async function mutateIn(
  tx: Transaction,
  operation: Mutation,
  request: OperationRequest,
  input: Record<string, unknown>,
): Promise<OperationResult> {
  const { caller, workspace, requestId } = request;
  const key = input["idempotency_key"];
  const id = typeof key === "string" ? { caller: caller.agentId, key } : null;
  const fingerprint = id === null ? "" : payloadFingerprint(input);
  const found = id === null ? null : await tx.getIdempotent(id);
  if (found !== null) return replay(found, { operation: operation.name, fingerprint }) as OperationResult;
  const response = complete(operation, await operation.handler({ caller, input, workspace, tx, requestId }));
  if (id !== null) {
    const stored = withoutSecrets(operation, response);
    await tx.putIdempotent(id, { operation: operation.name, fingerprint, response: stored });
  }
  await tx.appendAudit(doneEntry({ operation, caller, input, requestId }));
  return response;
}

function withoutSecrets({ shownOnce = [] }: Mutation, response: OperationResult): OperationResult {
  return { ...response, ...Object.fromEntries(shownOnce.map((name) => [name, null])) };
}

/** Also strips what the output does not name, so that no row leaks a field nobody decided to show. */
function complete(operation: Operation, payload: object): OperationResult {
  return operation.output.parse({ schema_version: schemaVersion, ...payload }) as OperationResult;
}

async function auditRefusal(request: OperationRequest, refusal: RouseError): Promise<void> {
  const { operation, caller, input, workspace, requestId } = request;
  const call: AuditedCall = { operation, caller, input, requestId };
  // The refusal stands even when it cannot be written down: the caller must hear it.
  await workspace.engine.store
    .transaction((tx) => tx.appendAudit(refusedEntry(call, refusal)))
    .catch(() => undefined);
}
