import { isDeepStrictEqual } from "node:util";

/** What a file of settings says, as an object. */
export type Settings = Readonly<Record<string, unknown>>;

export type Value = string | number | boolean | readonly Value[] | { readonly [name: string]: Value };

/** Something of ours in a file of settings that is not ours. */
export interface Entry {
  /** Names of the objects around it, outermost first; for an element the last is its list. */
  into: readonly string[];
  /** Null: an element of a list. */
  name: string | null;
  value: Value;
}

/** Where an entry stands in a text: as it was put in. */
export interface Insertion {
  at: number;
  added: string;
}

/** How files of one syntax are read and changed: text is put in and cut out, all the rest stays as it is, to the byte. */
export interface SettingsFormat {
  /** Blank text is an empty object. Throws an error that says where it is not well-formed. */
  parse(text: string): Settings;
  /** `kept`: how many of the containers are there. The entry itself is not. */
  insert(text: string, entry: Entry, kept: number): Insertion;
  /** Without the entry, and without containers beyond `kept` that nothing is left in; null when it is not found as expected. */
  cut(text: string, entry: Entry, kept: number): string | null;
}

export function isObject(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands in the entry's place; undefined: nothing. */
export function standing(settings: Settings, { into, name, value }: Entry): unknown {
  const container = into.reduce<unknown>(memberOf, settings);
  if (name !== null) return memberOf(container, name);
  return Array.isArray(container) && container.includes(value) ? value : undefined;
}

/** How many of the containers are there; null when one of them is something else. */
export function containersOf(settings: Settings, { into, name }: Entry): number | null {
  let container: unknown = settings;
  for (const [index, step] of into.entries()) {
    container = memberOf(container, step);
    if (container === undefined) return index;
    const isList = name === null && index === into.length - 1;
    if (isList ? !Array.isArray(container) : !isObject(container)) return null;
  }
  return into.length;
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The settings without the entry, and without containers beyond `kept` that nothing is left in. */
export function withoutEntry(settings: Settings, entry: Entry, kept: number): Settings {
  const left = without(settings, entry, entry.into, kept);
  return isObject(left) ? left : {};
}

function without(
  container: unknown,
  entry: Entry,
  [step, ...deeper]: readonly string[],
  kept: number,
): unknown {
  if (step === undefined && entry.name === null) {
    const list = Array.isArray(container) ? (container as unknown[]) : [];
    const index = list.indexOf(entry.value);
    return index < 0 ? list : list.toSpliced(index, 1);
  }
  if (!isObject(container)) return container;
  if (step === undefined) return omit(container, entry.name ?? "");
  if (!Object.hasOwn(container, step)) return container;
  const left = without(container[step], entry, deeper, kept - 1);
  const isOurs = kept <= 0 && Object.keys(left as object).length === 0;
  return isOurs ? omit(container, step) : { ...container, [step]: left };
}

function omit(object: Settings, name: string): Settings {
  return Object.fromEntries(Object.entries(object).filter(([other]) => other !== name));
}

/** Whether all that `wanted` says is said, whatever else is. */
export function covers(found: unknown, wanted: Value): boolean {
  if (typeof wanted !== "object" || Array.isArray(wanted)) return isSame(found, wanted);
  return Object.entries(wanted).every(([name, value]) => covers(memberOf(found, name), value));
}

/** Parsers make objects of their own kinds. */
export function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(structuredClone(one), structuredClone(other));
}
