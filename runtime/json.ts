import { RouseError } from "./errors.ts";

/**
 * Returns the value unchanged when it survives JSON: plain objects, arrays, strings, finite numbers, booleans, null
 * (and `undefined` properties, which JSON leaves out). Throws `machine_forbidden_construct` naming the path otherwise.
 */
export function asJson<Value>(value: Value, where: string): Value {
  if (!isExactJson(value)) check(value, where, 0);
  return value;
}

/**
 * The value as the store will give it back: itself when JSON's round trip changes nothing, else the trip's result.
 * Throws like `asJson`.
 */
export function asStored<Value>(value: Value, where: string): Value {
  if (value === undefined || isExactJson(value)) return value;
  check(value, where, 0);
  return JSON.parse(JSON.stringify(value)) as Value;
}

const maxDepth = 64;

/** True when JSON's round trip changes nothing that a program could tell. Runs at every step, so it builds no paths. */
export function isExactJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      if (value === null) return true;
      if (depth > maxDepth) return false;
      return Array.isArray(value) ? isExactArray(value, depth) : isExactObject(value, depth);
    default:
      return false;
  }
}

function isExactArray(array: readonly unknown[], depth: number): boolean {
  if (Object.getPrototypeOf(array) !== Array.prototype) return false;
  // Other keys than those of the entries, such as a regular expression's match has, are lost in JSON.
  if (Object.keys(array).length !== array.length) return false;
  for (const entry of array) if (!isExactJson(entry, depth + 1)) return false;
  return Object.getOwnPropertySymbols(array).length === 0;
}

function isExactObject(object: object, depth: number): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype) return false;
  for (const key in object) {
    if (!isExactJson((object as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return Object.getOwnPropertySymbols(object).length === 0;
}

function check(value: unknown, where: string, depth: number): void {
  if (value === null || value === undefined) return;
  if (typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw notJson(where, String(value));
    return;
  }
  if (typeof value !== "object") throw notJson(where, typeof value);
  if (depth > maxDepth) throw notJson(where, "nested too deeply or cyclic");
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) check(entry, `${where}[${index}]`, depth + 1);
    return;
  }
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name: string } } | null;
  if (prototype !== null && prototype !== Object.prototype) {
    throw notJson(where, `an instance of ${prototype.constructor?.name ?? "a class"}`);
  }
  for (const [key, entry] of Object.entries(value)) check(entry, `${where}.${key}`, depth + 1);
}

function notJson(where: string, what: string): RouseError {
  return new RouseError("machine_forbidden_construct", `${where} is ${what}, which is not durable`, {
    nextStep: "Keep context, events, input and output plain JSON.",
  });
}
