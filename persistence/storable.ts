/** Text as Postgres can hold it: without U+0000 and half surrogate pairs, which become U+FFFD. For texts that nobody validated. */
export function storable(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}
