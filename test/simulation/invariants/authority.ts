import type { Answer, CheckFamily, Commit, SimWorld } from "../contract.ts";
import type { Caller } from "../../../api/operations/caller.ts";
import { isRefusal } from "../../../api/operations/audit.ts";
import { trustCacheMs } from "../../../api/auth/trust.ts";
import type { StoredJournalEntry } from "../../../runtime/store.ts";
import type { RequestActing } from "../acting.ts";

const decisions = ["override.forced", "unblock.requested"];

/** 18, 19, 20, 21: who may, what is written down of it, and that identity comes from the token alone. */
export class AuthorityChecks implements CheckFamily {
  readonly #world: SimWorld;
  readonly #callers = new Map<string, { caller: Caller; beganAt: number }>();
  readonly #audited = new Map<string, { done: number; refused: number }>();
  readonly #revokedAt = new Map<string, number>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onVerified(caller: Caller, requestId: string): void {
    const beganAt = this.#world.requestBegan(requestId);
    this.#callers.set(requestId, { caller, beganAt });
    const revokedAt = this.#revokedAt.get(caller.jti);
    if (revokedAt !== undefined && beganAt - revokedAt > trustCacheMs) {
      this.#world.violated(
        21,
        `${requestId} came ${beganAt - revokedAt} ms after its token was revoked, and was let in`,
      );
    }
  }

  onCommit(commit: Commit): void {
    const { changes, method, who, at } = commit;
    for (const { before, after } of changes.audit) {
      if (before !== undefined || after === undefined)
        this.#world.violated(19, "an audit row was changed or removed");
    }
    for (const { key } of changes.revokedTokens) this.#revokedAt.set(key, at);
    const rows = changes.audit.flatMap(({ after }) => after?.entry ?? []);
    for (const { requestId, outcome } of rows) {
      const known = this.#audited.get(requestId ?? "") ?? { done: 0, refused: 0 };
      known[outcome] += 1;
      this.#audited.set(requestId ?? "", known);
    }
    // What an operation sets off besides, such as a look at leases, is no part of it.
    if (who?.type === "request" && method === "transaction") this.#checkRequest(who, commit, rows.length);
    for (const { after } of changes.journal) if (after !== undefined) this.#checkAuthority(after, who);
  }

  onAnswer(request: RequestActing, { readOnly, result, error }: Answer): void {
    const known = this.#callers.get(request.requestId);
    if (known === undefined) return;
    if (result !== undefined && known.caller.workspaceId !== this.#world.store.workspaceId) {
      this.#world.violated(
        20,
        `${request.operation} answered a caller of workspace ${known.caller.workspaceId}`,
      );
    }
    const audited = this.#audited.get(request.requestId) ?? { done: 0, refused: 0 };
    if (audited.done + audited.refused > 1)
      this.#world.violated(19, `${request.requestId} was audited ${audited.done + audited.refused} times`);
    const isUnaudited = isRefusal(error) && audited.refused === 0 && !request.wasStruck;
    if (isUnaudited)
      this.#world.violated(19, `${request.operation} was refused (${error.code}) without an audit row`);
    if (isRefusal(error) && JSON.stringify([error.message, error.details]).includes("secret-of-others")) {
      this.#world.violated(20, `an error tells of another workspace: ${error.message}`);
    }
    if (readOnly && audited.done > 0)
      this.#world.violated(19, `${request.operation} reads and was audited as done`);
  }

  #checkRequest(who: RequestActing, { changes }: Commit, audits: number): void {
    const caller = this.#callers.get(who.requestId)?.caller;
    if (audits !== 1)
      this.#world.violated(19, `${who.requestId} (${who.operation}) was committed with ${audits} audit rows`);
    const news = changes.messages.flatMap(({ before = [], after = [] }) => after.slice(before.length));
    for (const { author, authorRole } of news) {
      if (author !== caller?.agentId || authorRole !== caller.role) {
        this.#world.violated(20, `a message of ${who.agentId} stands there as ${author}'s, ${authorRole}`);
      }
    }
    for (const { key, before, after } of changes.members) {
      const isForeign =
        before?.lastReadSeq !== after?.lastReadSeq &&
        before !== undefined &&
        after?.agentId !== caller?.agentId;
      if (isForeign) this.#world.violated(20, `${who.agentId} moved the cursor of ${key}`);
    }
  }

  #checkAuthority({ address, event, transitions, dropped }: StoredJournalEntry, who: Commit["who"]): void {
    const { role, reason = "" } = event as { role?: string; reason?: string };
    if (role === undefined || transitions.length === 0 || dropped !== null) return;
    const isDecision = decisions.includes(event.type);
    const isEmpty = isDecision && reason.trim() === "";
    const mayDecide = role === "coordinator" || role === "operator";
    if (isDecision && (isEmpty || !mayDecide)) {
      this.#world.violated(18, `${address} took ${event.type} of a ${role}, reason "${reason}"`);
    }
    if (who?.type !== "request") return;
    const truth = this.#callers.get(who.requestId)?.caller.role;
    const isOwn = event["by"] === who.agentId;
    if (isOwn && truth !== role)
      this.#world.violated(18, `${who.agentId}, a ${String(truth)}, moved ${address} as ${role}`);
  }
}
