import { RouseError, isRouseError } from "../../runtime/errors.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
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
  const keyed = keyedCall(operation, request.caller, input);
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await engine.store.transaction((tx) =>
        mutateIn(tx, operation, request, { input, keyed }),
      );
      engine.ring();
      return result;
    } catch (error) {
      if (mayRepeat(error, keyed) && attempt < mostAttempts) continue;
      const first = isRefusal(error) ? await firstResult(engine.store, keyed) : null;
      if (first === null) throw error;
      return first;
    }
  }
}

/** A call with an idempotency key: whose, and for what. */
interface KeyedCall {
  id: { caller: string; key: string };
  stands: { operation: string; fingerprint: string };
}

function keyedCall(operation: Mutation, caller: Caller, input: Record<string, unknown>): KeyedCall | null {
  const key = input["idempotency_key"];
  if (typeof key !== "string") return null;
  const stands = { operation: operation.name, fingerprint: payloadFingerprint(input) };
  return { id: { caller: caller.agentId, key }, stands };
}

/** What was refused may be refused because of its own twin, which was committed after this one began. */
function firstResult(store: Store, keyed: KeyedCall | null): Promise<OperationResult | null> {
  if (keyed === null) return Promise.resolve(null);
  return store.transaction((tx) => findResult(tx, keyed), { readOnly: true });
}

async function findResult(tx: Transaction, { id, stands }: KeyedCall): Promise<OperationResult | null> {
  const found = await tx.getIdempotent(id);
  return found === null ? null : (replay(found, stands) as OperationResult);
}

/** With a key a repetition finds its own first result, so an unknown outcome can be looked up by trying again. */
function mayRepeat(error: unknown, keyed: KeyedCall | null): boolean {
  if (isRouseError(error, "conflict")) return true;
  return isRouseError(error, "commit_outcome_unknown") && keyed !== null;
}

async function mutateIn(
  tx: Transaction,
  operation: Mutation,
  request: OperationRequest,
  { input, keyed }: { input: Record<string, unknown>; keyed: KeyedCall | null },
): Promise<OperationResult> {
  const { caller, workspace, requestId } = request;
  const found = keyed === null ? null : await findResult(tx, keyed);
  if (found !== null) return found;
  const response = complete(operation, await operation.handler({ caller, input, workspace, tx, requestId }));
  if (keyed !== null) {
    const stored = withoutSecrets(operation, response);
    await tx.putIdempotent(keyed.id, { ...keyed.stands, response: stored });
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
