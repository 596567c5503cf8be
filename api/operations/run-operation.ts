import { RouseError, isRouseError } from "../../runtime/errors.ts";
import type { AuditChange } from "../../runtime/domain.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
import { noteWork } from "../../runtime/work.ts";
import { doneEntry, isRefusal, refusedEntry } from "./audit.ts";
import { payloadFingerprint, replay } from "./idempotency.ts";
import { inOrder } from "./in-order.ts";
import type { Caller } from "./caller.ts";
import { noteIn, notingEngine } from "./changes.ts";
import { schemaVersion, type Mutation, type Operation, type Query, type Workspace } from "./operation.ts";
import { identityMismatch, validateInput } from "./validate.ts";

export interface OperationRequest {
  operation: Operation;
  caller: Caller;
  /** As it came in. */
  input: unknown;
  workspace: Workspace;
  requestId: string;
  /** Ends a wait early; what is being written is written to its end. */
  signal?: AbortSignal;
  /** Called when the answer is that of an earlier call with the same idempotency key. */
  onReplayed?: () => void;
}

export type OperationResult = Record<string, unknown>;

/** Conflicts come from writers on the same rows; each round lets at least one of them through. */
const mostAttempts = 12;

/**
 * Runs one call: role → input → idempotency → handler → audit in one transaction, then rings.
 * Throws RouseError; refusals are audited in their own transaction. `commit_outcome_unknown` may be repeated with the same key.
 */
export function runOperation(request: OperationRequest): Promise<OperationResult> {
  const { aroundCall } = request.workspace;
  return aroundCall === undefined ? run(request) : aroundCall(request, () => run(request));
}

async function run(request: OperationRequest): Promise<OperationResult> {
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
  const { caller, workspace, requestId, signal } = request;
  const store = workspace.engine.store;
  const call = { caller, input, workspace, store, requestId, ...(signal === undefined ? {} : { signal }) };
  return complete(operation, await operation.handler(call));
}

async function mutate(
  operation: Mutation,
  request: OperationRequest,
  input: Record<string, unknown>,
): Promise<OperationResult> {
  const { engine } = request.workspace;
  const keyed = keyedCall(operation, request.caller, input);
  let unknown: unknown = null;
  for (let attempt = 1; ; attempt++) {
    let heldActors = false;
    try {
      const { result, asked } = await engine.store.transaction(
        async (plain) => {
          const { tx, asked } = noteWork(plain, () => (heldActors = true));
          return { result: await mutateIn(tx, operation, request, { input, keyed }), asked };
        },
        operation.isFrequent === true ? { group: operation.name } : {},
      );
      engine.ring([...asked]);
      return result;
    } catch (error) {
      // Turns passed over what it held, and whoever sent them mail has rung already.
      if (heldActors) engine.ring(["mail"]);
      // With a key a repetition finds its own first result. Once: who waited for a standby in vain would do so again.
      const looksItUp = keyed !== null && unknown === null && isRouseError(error, "commit_outcome_unknown");
      if (looksItUp) unknown = error;
      if (looksItUp || (isRouseError(error, "conflict") && attempt < mostAttempts)) continue;
      const first = isRefusal(error) ? await firstResult(engine.store, keyed) : null;
      // That nothing was committed is true of the last attempt only.
      if (first === null) throw isRefusal(error) ? error : (unknown ?? error);
      request.onReplayed?.();
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
  return store.transaction((tx) => findResult(tx, keyed));
}

async function findResult(tx: Transaction, { id, stands }: KeyedCall): Promise<OperationResult | null> {
  const found = await tx.getIdempotent(id);
  return found === null ? null : (replay(found, stands) as OperationResult);
}

async function mutateIn(
  plain: Transaction,
  operation: Mutation,
  request: OperationRequest,
  { input, keyed }: { input: Record<string, unknown>; keyed: KeyedCall | null },
): Promise<OperationResult> {
  const { caller, workspace, requestId } = request;
  const found = keyed === null ? null : await findResult(plain, keyed);
  if (found !== null) {
    request.onReplayed?.();
    return found;
  }
  const changes: AuditChange[] = [];
  const noteChange = noteIn(changes);
  const engine = notingEngine(workspace.engine, noteChange);
  const { tx, sent } = sendingAlong(plain);
  const call = { caller, input, workspace: { ...workspace, engine }, tx, noteChange, requestId };
  const response = complete(operation, await operation.handler(call));
  const stored = withoutSecrets(operation, response);
  await inOrder([
    ...sent,
    ...(keyed === null ? [] : [plain.putIdempotent(keyed.id, { ...keyed.stands, response: stored })]),
    plain.appendAudit(doneEntry({ operation, caller, input, requestId }, changes)),
  ]);
  return response;
}

/** Nobody waits for mail to be stored: it travels with what is written last, and what failed is told there. */
function sendingAlong(tx: Transaction): { tx: Transaction; sent: readonly Promise<void>[] } {
  const sent: Promise<void>[] = [];
  const send: Transaction["send"] = async (mail) => {
    const sending = tx.send(mail);
    // Told at the end; until then nobody listens.
    sending.catch(() => undefined);
    sent.push(sending);
  };
  return { tx: { ...tx, send }, sent };
}

function withoutSecrets({ shownOnce = [] }: Mutation, response: OperationResult): OperationResult {
  return { ...response, ...Object.fromEntries(shownOnce.map((name) => [name, null])) };
}

/** Also strips what the output does not name, so that no row leaks a field nobody decided to show. */
function complete(operation: Operation, payload: object): OperationResult {
  return operation.output.parse({ schema_version: schemaVersion, ...payload }) as OperationResult;
}

/** Nobody hears of a refusal that is not on record: when it cannot be written down, the call failed and may be repeated. */
async function auditRefusal(request: OperationRequest, refusal: RouseError): Promise<void> {
  const { operation, caller, input, workspace, requestId } = request;
  const entry = refusedEntry({ operation, caller, input, requestId }, refusal);
  await workspace.engine.store.transaction((tx) => tx.appendAudit(entry));
  onRecord.add(refusal);
}

const onRecord = new WeakSet<Error>();

/** Whether the audit holds this refusal already, so that a surface does not write it down again. */
export function isOnRecord(refusal: Error): boolean {
  return onRecord.has(refusal);
}
