import { contentFreePhrases, refusalSymbols } from "./phrases.ts";

const timestamps = /\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:z|[+-]\d{2}:?\d{2})?)?/g;
const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Commit ids and other long hexadecimal names; a digit is required so that words such as "defaced" survive. */
const hexIds = /(?<![\p{L}\p{N}])(?=[a-f]{0,39}\d)[0-9a-f]{7,64}(?![\p{L}\p{N}])/gu;
/**
 * Counts, line numbers, times, durations. A number that belongs to a name (`#12`, `F3`, `PR-12`) stays:
 * findings about different things must not look identical.
 */
const quantities =
  /(?<![\p{L}\p{N}_#])(?<![\p{L}_]-)\d[\d.,:]*(?: ?(?:ms|s|m|h|min|kb|mb|gb|%))?(?![\p{L}\p{N}_])/gu;
const invisible = /\p{Default_Ignorable_Code_Point}/gu;
const notWord = /[^\p{L}\p{N}'’]+/gu;

/** The text without what may change between two sayings of the same: case, spacing, times, counts, ids. */
export function normalise(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(invisible, "")
    .replace(uuids, "§")
    .replace(timestamps, "§")
    .replace(hexIds, "§")
    .replace(quantities, "§")
    .replace(/\s+/g, " ")
    .trim();
}

/** Content-free texts are short; a longer one is not looked at word by word. */
const maxContentFreeWords = 16;

/** Nor is it searched for names. */
const maxNamedLength = 1_000;
/** A nod, unlike other numbers. */
const plusOne = /(?<![\p{L}\p{N}+])\+1(?![\p{L}\p{N}]|[.,:]\d)/gu;

const said = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;

/**
 * True for courtesies and acknowledgements: nothing in them that another agent could act on, whomever of `names` (agents'
 * ids) they address. A name alone may be an answer.
 */
export function isContentFree(text: string, names: readonly string[] = []): boolean {
  const whole = normalise(text.normalize("NFKC").replace(plusOne, " 👍 "));
  const plain = withoutNames(whole, names);
  if (plain !== whole && !said.test(plain)) return false;
  const words = plain
    .replace(notWord, " ")
    .trim()
    .replaceAll("’", "'")
    .split(" ")
    .filter((word) => word !== "");
  if (words.length === 0)
    return !refusalSymbols.some((symbol) => plain.includes(symbol)) && !plain.includes("§");
  return words.length <= maxContentFreeWords && isCovered(words, 0);
}

function withoutNames(text: string, names: readonly string[]): string {
  if (names.length === 0 || text.length > maxNamedLength) return text;
  // The longer first: one may begin like another. Ids hold no character that means something here.
  const any = names.toSorted((a, b) => b.length - a.length).join("|");
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}-])(?:${any})(?![\\p{L}\\p{N}-])`, "gu"), " ");
}

/** Whether phrases from the list, one after the other, make up all words from `start` on. */
function isCovered(words: readonly string[], start: number): boolean {
  if (start === words.length) return true;
  return [4, 3, 2, 1].some((length) => {
    const phrase = words.slice(start, start + length);
    return (
      phrase.length === length && contentFreePhrases.has(phrase.join(" ")) && isCovered(words, start + length)
    );
  });
}

/** 16 hexadecimal digits that are equal for texts which say the same; not cryptographic. Source of the mixing: cyrb53 (public domain). */
export function fingerprint(text: string): string {
  const plain = normalise(text);
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < plain.length; index++) {
    const unit = plain.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return hex(high) + hex(low);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
