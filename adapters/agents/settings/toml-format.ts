import { parse } from "smol-toml";
import { toToml } from "../codex/toml.ts";
import { type Entry, type Insertion, isObject, isSame, type SettingsFormat, type Value } from "./entry.ts";

export const toml: SettingsFormat = { parse, insert, cut };

const mark = "# By `rouse agent connect`; with --undo it takes this out again.";

/** A table of its own at the end: there it changes the meaning of no other line. */
function insert(text: string, entry: Entry): Insertion {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const gap = text.trim() === "" ? "" : text.endsWith("\n") ? eol : `${eol}${eol}`;
  const table = entry.value as Readonly<Record<string, Value>>;
  const settings = Object.entries(table).map(([name, value]) => `${name} = ${toToml(value)}`);
  const lines = [mark, `[${pathOf(entry).join(".")}]`, ...settings];
  return { at: text.length, added: `${gap}${lines.join(eol)}${eol}` };
}

function pathOf({ into, name }: Entry): string[] {
  return [...into, ...(name === null ? [] : [name])];
}

/** By its lines: other programs write such files anew, without our comment or with more in our table. */
function cut(text: string, entry: Entry): string | null {
  const own = pathOf(entry);
  const lines = text.split(/(?<=\n)/);
  const left: string[] = [];
  let isOwn = false;
  let space: string[] = [];
  for (const line of lines) {
    const header = headerOf(line);
    if (header !== null) isOwn = isSame(header.slice(0, own.length), own);
    if (header !== null && isOwn && left.at(-1)?.trim() === mark) left.pop();
    // What stands before the next table belongs to that one.
    if (isOwn && /^(?:#.*)?$/.test(line.trim())) space.push(line);
    else if (isOwn) space = [];
    else left.push(...space.splice(0), line);
  }
  return left.join("") + space.join("");
}

/** Path of the table that the line opens; null when it opens none. */
function headerOf(line: string): string[] | null {
  if (!line.trimStart().startsWith("[")) return null;
  try {
    let table: unknown = parse(line);
    const path: string[] = [];
    while (isObject(table)) {
      const [member] = Object.entries(table);
      if (member === undefined) break;
      path.push(member[0]);
      table = Array.isArray(member[1]) ? member[1][0] : member[1];
    }
    return path;
  } catch {
    return null;
  }
}
