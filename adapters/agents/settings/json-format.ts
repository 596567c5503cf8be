import {
  type Entry,
  isObject,
  type Insertion,
  type Settings,
  type SettingsFormat,
  type Value,
} from "./entry.ts";

export const json: SettingsFormat = { parse, insert, cut };

function parse(text: string): Settings {
  const bare = text.replace(/^\uFEFF/, "");
  const value = bare.trim() === "" ? {} : parseValue(bare);
  if (isObject(value)) return value;
  throw new SyntaxError("it is no JSON object");
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The rest of the message quotes the text.
    const place = /at position \d+(?: \(line \d+ column \d+\))?/.exec((cause as Error).message)?.[0];
    throw new SyntaxError(`it is no JSON ${place ?? ""}`.trim(), { cause });
  }
}

/** Of a text that `parse` has read: nothing here has to be checked again. */
interface Token {
  text: string;
  start: number;
  end: number;
}

const syntax = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s\uFEFF"{}[\]:,]+/gs;

function tokensOf(text: string): Token[] {
  return Array.from(text.matchAll(syntax), ({ 0: token, index }) => ({
    text: token,
    start: index,
    end: index + token.length,
  }));
}

/** A member or an element, by the numbers of its tokens. */
interface Child {
  name: string | null;
  first: number;
  value: number;
  last: number;
}

function childrenOf(tokens: readonly Token[], open: number): Child[] {
  const children: Child[] = [];
  const isNamed = tokens[open]?.text === "{";
  let at = open + 1;
  while (at < tokens.length && !isClosing(tokens[at])) {
    const first = at;
    const value = isNamed ? at + 2 : at;
    const last = endOf(tokens, value);
    const name = isNamed ? (JSON.parse(tokens[first]?.text ?? '""') as string) : null;
    children.push({ name, first, value, last });
    at = tokens[last + 1]?.text === "," ? last + 2 : last + 1;
  }
  return children;
}

function endOf(tokens: readonly Token[], value: number): number {
  let depth = 0;
  let at = value;
  for (; at < tokens.length; at += 1) {
    const text = tokens[at]?.text;
    if (text === "{" || text === "[") depth += 1;
    if (isClosing(tokens[at])) depth -= 1;
    if (depth === 0) break;
  }
  return at;
}

function isClosing(token: Token | undefined): boolean {
  return token?.text === "}" || token?.text === "]";
}

/** The number of the token that opens the object or list at the end of the path. */
function openingOf(tokens: readonly Token[], path: readonly string[]): number {
  let open = 0;
  for (const step of path)
    open = childrenOf(tokens, open).findLast(({ name }) => name === step)?.value ?? open;
  return open;
}

/** In front of what is there, so that no line of the person's gets a comma. */
function insert(text: string, entry: Entry, kept: number): Insertion {
  const style = styleOf(text);
  const tokens = tokensOf(text);
  if (tokens.length === 0) {
    const whole = JSON.stringify(nested([...entry.into, ...nameOf(entry)], entry, 0), null, style.unit);
    return { at: text.length, added: `${whole}\n` };
  }
  const open = openingOf(tokens, entry.into.slice(0, kept));
  const [step, ...deeper] = [...entry.into.slice(kept), ...nameOf(entry)];
  const label = step === undefined ? "" : `${JSON.stringify(step)}: `;
  const at = tokens[open]?.end ?? 0;
  const next = tokens[open + 1];
  const space = text.slice(at, next?.start);
  const value = nested(deeper, entry, kept);
  if (!isClosing(next) && !space.includes("\n")) return { at, added: `${label}${JSON.stringify(value)}, ` };
  const indent = style.unit.repeat(kept + 1);
  const body = JSON.stringify(value, null, style.unit).replaceAll("\n", `${style.eol}${indent}`);
  const end = isClosing(next) ? `${style.eol}${style.unit.repeat(kept)}` : ",";
  return {
    at,
    added: `${style.eol}${indent}${label}${body}${space.includes("\n") && end !== "," ? "" : end}`,
  };
}

function nameOf({ name }: Entry): string[] {
  return name === null ? [] : [name];
}

/** The value inside of the objects that are not there yet, and of its list. */
function nested(path: readonly string[], { into, name, value }: Entry, kept: number): Value {
  const inner = name === null && kept < into.length ? [value] : value;
  return path.reduceRight<Value>((inside, step) => ({ [step]: inside }), inner);
}

function styleOf(text: string): { unit: string; eol: string } {
  return { unit: /\n([ \t]+)"/.exec(text)?.[1] ?? "  ", eol: text.includes("\r\n") ? "\r\n" : "\n" };
}

function cut(text: string, entry: Entry, kept: number): string | null {
  const tokens = tokensOf(text);
  const opens = entry.into.map((_, depth) => openingOf(tokens, entry.into.slice(0, depth + 1)));
  // Outermost of what is ours alone.
  let depth = entry.into.length;
  while (depth > kept && childrenOf(tokens, opens[depth - 1] ?? 0).length === 1) depth -= 1;
  const open = depth === 0 ? 0 : (opens[depth - 1] ?? 0);
  const children = childrenOf(tokens, open);
  const step = depth < entry.into.length ? entry.into[depth] : entry.name;
  const index = children.findLastIndex(({ name, value }) =>
    step === null ? tokens[value]?.text === JSON.stringify(entry.value) : name === step,
  );
  const own = children[index];
  if (own === undefined) return null;
  const after = children[index + 1];
  const before = children[index - 1];
  const from = after === undefined ? tokens[before?.last ?? open]?.end : tokens[own.first]?.start;
  const to = after === undefined ? tokens[own.last]?.end : tokens[after.first]?.start;
  return text.slice(0, from) + text.slice(to);
}
