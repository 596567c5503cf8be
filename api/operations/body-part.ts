import { RouseError } from "../../runtime/errors.ts";

/** A place inside a message's body, from which to read on. */
export interface BodyPlace {
  seq: number;
  /** Bytes of UTF-8 before it. */
  offset: number;
}

export interface BodyPart {
  text: string;
  /** Bytes of the whole body. */
  bytes: number;
  /** Where the rest begins, or null when this is the end. */
  next: number | null;
}

/** At most so many bytes of a body, never half a character; at least one character. */
export function bodyPart(body: string, offset: number, maxBytes: number): BodyPart {
  const whole = Buffer.from(body);
  const from = characterStart(whole, Math.min(offset, whole.length));
  let to = characterStart(whole, Math.min(from + maxBytes, whole.length));
  if (to === from) to = characterEnd(whole, from);
  const text = whole.subarray(from, to).toString();
  return { text, bytes: whole.length, next: to < whole.length ? to : null };
}

function characterStart(bytes: Buffer, at: number): number {
  let start = at;
  while (start > 0 && isContinuation(bytes[start])) start -= 1;
  return start;
}

function characterEnd(bytes: Buffer, from: number): number {
  let end = from + 1;
  while (isContinuation(bytes[end])) end += 1;
  return end;
}

/** Second to fourth byte of a character in UTF-8. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte < 0xc0;
}

export function writeCursor({ seq, offset }: BodyPlace): string {
  return Buffer.from(`${seq}.${offset}`).toString("base64url");
}

/** Throws `invalid_input`. */
export function readCursor(cursor: string): BodyPlace {
  const [, seq, offset] = /^(\d{1,10})\.(\d{1,10})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (seq !== undefined && offset !== undefined) return { seq: Number(seq), offset: Number(offset) };
  throw new RouseError("invalid_input", "cursor: is none of ours", {
    nextStep: "Pass a next_cursor or body_cursor as it was given, or leave cursor out.",
    details: { issues: [{ path: "cursor", message: "is none of ours" }] },
  });
}
