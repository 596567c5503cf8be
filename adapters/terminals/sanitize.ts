import { printable, printableLine } from "../../runtime/printable.ts";

/** Text that may be written into a terminal, cut to so many bytes of UTF-8 without breaking a code point. Pure. */
export function sanitizeForTerminal(text: string, options: { maxBytes: number }): string {
  return cutToBytes(printable(text), options.maxBytes);
}

/** The same on one line. */
export function sanitizeLine(text: string, options: { maxBytes: number }): string {
  return cutToBytes(printableLine(text), options.maxBytes);
}

const encoder = new TextEncoder();

function cutToBytes(text: string, maxBytes: number): string {
  // encodeInto stops before a code point that does not fit whole.
  const { read } = encoder.encodeInto(text, new Uint8Array(Math.max(0, maxBytes)));
  return text.slice(0, read);
}
