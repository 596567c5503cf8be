import type { AuditProblem } from "../payloads.ts";

/** What a check of the chain found, whoever recomputed it: the node, or this process over an export. */
export interface Verification {
  holds: boolean;
  /** Rows recomputed. */
  checked: number;
  /** SEQ:HASH up to which the chain was followed; null when there was no row. */
  checkpoint: string | null;
  /** Null when none was given. */
  anchor: "found" | "not_found" | null;
  problems: AuditProblem[];
  /** Places where a filter left rows out, so that neighbours could not be held against each other. Of a file only. */
  gaps: number;
  /** Of a node only. */
  unsealed: { rows: number; oldest_at: string | null } | null;
}

const mostProblems = 100;

/** Gathers what stretches or lines tell, in their order. */
export class VerificationReport {
  readonly #anchor: string | undefined;
  #isAnchorFound = false;
  readonly #found: Omit<Verification, "holds" | "anchor"> = {
    checked: 0,
    checkpoint: null,
    problems: [],
    gaps: 0,
    unsealed: null,
  };

  constructor(anchor: string | undefined) {
    this.#anchor = anchor;
  }

  add(part: Partial<typeof this.parts> & { checked: number; isAnchorFound?: boolean }): void {
    const found = this.#found;
    found.checked += part.checked;
    found.checkpoint = part.checkpoint ?? found.checkpoint;
    found.problems = [...found.problems, ...(part.problems ?? [])].slice(0, mostProblems);
    found.gaps += part.gaps ?? 0;
    found.unsealed = part.unsealed ?? found.unsealed;
    this.#isAnchorFound ||= part.isAnchorFound === true;
  }

  get parts(): Omit<Verification, "holds" | "anchor"> {
    return this.#found;
  }

  end(): Verification {
    const anchor = this.#anchor === undefined ? null : this.#isAnchorFound ? "found" : "not_found";
    const problems = [...this.#found.problems];
    if (anchor === "not_found" && !problems.some(({ kind }) => kind === "anchor")) {
      const message = "the anchor's hash is not in what was checked: the end was cut off, or rewritten";
      problems.push({ kind: "anchor", seq: null, audit_id: null, message });
    }
    return { holds: problems.length === 0, ...this.#found, anchor, problems };
  }
}
