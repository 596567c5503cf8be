/**
 * Text of agents and other strangers, safe to print: nothing in it may act on the terminal, reorder what is shown or
 * hide from the reader. Newlines and tabs stay. The same alphabet as `adapters/terminals/sanitize.ts`, which the
 * command line may not import.
 */
export function printable(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(forbidden, "");
}

/** On one line. */
export function printableLine(text: string): string {
  return printable(text)
    .replaceAll(/\s*[\n\t]\s*/g, " ")
    .trim();
}

const forbidden =
  /(?![\n\t])\p{Cc}|\p{Default_Ignorable_Code_Point}|\p{Bidi_Control}|[\u2028\u2029\uFFF9-\uFFFB]|[\u{E0000}-\u{E0FFF}]|\p{Cs}/gu;
