import { errorCodes, isRouseError, type ErrorCode } from "../../runtime/errors.ts";
import { printableLine } from "../../runtime/printable.ts";
import { asCommands } from "./command-names.ts";

/** A failure as the command line reports it. The node's answers have the same fields. */
export interface Failure {
  code: string;
  message: string;
  next_step: string | null;
  retryable: boolean;
  details: Record<string, unknown>;
}

/** What a node refused; its code may be one that this version does not know. */
export class RefusedByNode extends Error {
  override readonly name = "RefusedByNode";
  readonly failure: Failure;
  readonly status: number;

  constructor(failure: Failure, status: number) {
    super(failure.message);
    this.failure = failure;
    this.status = status;
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RefusedByNode) return error.failure;
  if (isRouseError(error)) {
    const { code, message, nextStep = null, retryable, details } = error;
    return { code, message, next_step: nextStep, retryable, details };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message, next_step: null, retryable: false, details: {} };
}

const exitByStatus: Readonly<Record<number, number>> = {
  400: 2,
  401: 3,
  403: 3,
  404: 4,
  409: 5,
  413: 2,
  429: 6,
  503: 6,
  504: 6,
};

export function exitCodeOf(error: unknown): number {
  const { code } = failureOf(error);
  if (isKnown(code)) return errorCodes[code].exit;
  return error instanceof RefusedByNode ? (exitByStatus[error.status] ?? 1) : 1;
}

export function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** Two lines for people, or one line of JSON. */
export function failureText(failure: Failure, isJson: boolean): string {
  if (isJson) return `${JSON.stringify(failure)}\n`;
  const { code, message, next_step: next } = failure;
  const lines = [`error: ${printableLine(message)} (${printableLine(code)})`];
  if (next !== null && next !== "") lines.push(`next: ${printableLine(asCommands(next))}`);
  return `${lines.join("\n")}\n`;
}
