/**
 * The one alphabet of what may reach a terminal, an agent's or a reader's: nothing in it may act on the terminal, reorder
 * what is shown or hide from the reader. Pure.
 *
 * Kept: printable text, newline, tab. Carriage returns become newlines. Removed: ESC and the other C0 and C1 controls,
 * DEL, bidi controls, zero-width and other default-ignorable characters (variation selectors and tags U+E0000..E007F
 * included), line and paragraph separators, interlinear annotation, lone surrogates.
 */
export function printable(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(forbidden, "");
}

/** On one line: each run of white space around a newline or tab becomes one space. */
export function printableLine(text: string): string {
  return printable(text)
    .replaceAll(/\s*[\n\t]\s*/g, " ")
    .trim();
}

// Without `u`-mode surrogate pairs would match \p{Cs} halves; with it only lone surrogates do.
const forbidden =
  /(?![\n\t])\p{Cc}|\p{Default_Ignorable_Code_Point}|\p{Bidi_Control}|[\u2028\u2029\uFFF9-\uFFFB]|[\u{E0000}-\u{E0FFF}]|\p{Cs}/gu;
