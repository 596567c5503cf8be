/**
 * Removes everything from a text that could act on a terminal or hide from the reader. Pure.
 *
 * Kept: printable text, newline, tab. Carriage returns become newlines. Removed: ESC and the other C0 and C1 controls,
 * DEL, bidi controls, zero-width and other default-ignorable characters (variation selectors and tags U+E0000..E007F
 * included), line and paragraph separators, interlinear annotation, lone surrogates.
 */
export function sanitizeForTerminal(text: string, options: { maxBytes: number }): string {
  const safe = text.replace(carriageReturns, "\n").replace(forbidden, "");
  return cutToBytes(safe, options.maxBytes);
}

/** One line of the same alphabet: each run of white space around a newline or tab becomes one space. */
export function sanitizeLine(text: string, options: { maxBytes: number }): string {
  const oneLine = text
    .replace(carriageReturns, "\n")
    .replace(forbidden, "")
    .replace(/\s*[\n\t]\s*/g, " ");
  return cutToBytes(oneLine.trim(), options.maxBytes);
}

const carriageReturns = /\r\n?/g;

// Without `u`-mode surrogate pairs would match \p{Cs} halves; with it only lone surrogates do.
const forbidden =
  /(?![\n\t])\p{Cc}|\p{Default_Ignorable_Code_Point}|\p{Bidi_Control}|[\u2028\u2029\uFFF9-\uFFFB]|[\u{E0000}-\u{E0FFF}]|\p{Cs}/gu;

const encoder = new TextEncoder();

function cutToBytes(text: string, maxBytes: number): string {
  // encodeInto stops before a code point that does not fit whole.
  const { read } = encoder.encodeInto(text, new Uint8Array(Math.max(0, maxBytes)));
  return text.slice(0, read);
}
