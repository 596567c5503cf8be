import type { NewAuditEntry } from "../../runtime/domain.ts";
import type { Workspace } from "../operations/operation.ts";
import type { Authenticated } from "./authenticate.ts";
import { NewsLimit } from "./news-limit.ts";

export interface UnknownCall {
  /** `mcp`: a tool; `request`: method and path. */
  operation: "mcp" | "request";
  /** What was asked for, as it came in. */
  name: string;
  requestId: string;
}

const longestName = 100;

/** Audits calls of what does not exist by callers with a good token. A flood leaves few rows, and how many were left out. */
class UnknownCalls {
  readonly #workspace: Workspace;
  readonly #limit: NewsLimit;
  #leftOut = 0;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#limit = new NewsLimit(workspace.clock);
  }

  async note({ caller }: Authenticated, call: UnknownCall): Promise<void> {
    const name = call.name.slice(0, longestName).replaceAll("\0", "\uFFFD").toWellFormed();
    const key = `${caller.agentId} ${call.operation} ${name}`;
    const isNews = await this.#limit.note(key, () => this.#write(caller, { ...call, name }));
    if (!isNews) this.#leftOut += 1;
  }

  async #write(
    { agentId, role }: Authenticated["caller"],
    { operation, name, requestId }: UnknownCall,
  ): Promise<void> {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    const entry: NewAuditEntry = {
      ...{ actor: agentId, role, operation, subject: "workspace" },
      ...{ outcome: "refused", code: "not_found", reason: null },
      details: { asked_for: name, ...(leftOut === 0 ? {} : { left_out_before: leftOut }) },
      ...{ changes: [], requestId },
    };
    try {
      await this.#workspace.engine.store.transaction((tx) => tx.appendAudit(entry));
    } catch (error) {
      this.#leftOut += leftOut;
      throw error;
    }
  }
}

const known = new WeakMap<Workspace, UnknownCalls>();

/** To be awaited before the answer: nobody hears of a refusal that is not on record. Throws what the store throws. */
export function noteUnknownCall(authenticated: Authenticated, call: UnknownCall): Promise<void> {
  const { workspace } = authenticated;
  const calls = known.get(workspace) ?? new UnknownCalls(workspace);
  known.set(workspace, calls);
  return calls.note(authenticated, call);
}
