import type { z } from "zod";
import type { Operation } from "../operations/operation.ts";
import type { OperationResult } from "../operations/run-operation.ts";

/** Bytes of one answer as JSON: what common clients pass on to a model whole. */
export const answerBytes = 98_304;
/** First shortening of a text in an answer that has no pages; each further one halves it. */
const firstTextLength = 4_096;

export type Ask = (input: Record<string, unknown>) => Promise<OperationResult>;

export interface Answer {
  result: OperationResult;
  /** The same as JSON. */
  text: string;
}

/** The answer, within `answerBytes`: a shorter page where there are pages, otherwise with its long texts cut visibly. */
export async function boundedAnswer(
  operation: Operation,
  input: Record<string, unknown>,
  ask: Ask,
): Promise<Answer> {
  let answer = withText(await ask(input));
  if (isPaged(operation)) {
    for (let limit = rowsOf(answer.result); isTooLong(answer) && limit > 1;) {
      limit = Math.ceil(limit / 2);
      answer = withText(await ask({ ...input, limit }));
    }
  }
  for (let longest = firstTextLength; isTooLong(answer) && longest >= 16; longest /= 2) {
    answer = withText(shortened(answer.result, longest) as OperationResult);
  }
  return answer;
}

function withText(result: OperationResult): Answer {
  return { result, text: JSON.stringify(result) };
}

function isTooLong({ text }: Answer): boolean {
  // Characters first: counting bytes of every short answer would cost more than it tells.
  return text.length * 3 > answerBytes && Buffer.byteLength(text) > answerBytes;
}

/** Only reading may be repeated. */
function isPaged(operation: Operation): boolean {
  return operation.readOnly && "limit" in (operation.input as z.ZodObject).shape;
}

function rowsOf(result: OperationResult): number {
  return Math.max(0, ...Object.values(result).map((value) => (Array.isArray(value) ? value.length : 0)));
}

function shortened(value: unknown, longest: number): unknown {
  if (typeof value === "string") return shortText(value, longest);
  if (Array.isArray(value)) return value.map((entry) => shortened(entry, longest));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shortened(entry, longest)]));
}

function shortText(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const kept = text.slice(0, longest).replace(/[\ud800-\udbff]$/, "");
  return `${kept}… [${text.length - kept.length} more characters: too long for one answer]`;
}
