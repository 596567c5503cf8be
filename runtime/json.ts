import { RouseError } from "./errors.ts";

/**
 * Returns the value unchanged when it survives JSON exactly: plain objects, arrays, strings, finite numbers, booleans, null
 * (and `undefined` properties, which JSON leaves out). Throws `machine_forbidden_construct` naming the path otherwise.
 */
export function asJson<Value>(value: Value, where: string): Value {
  check(value, where, 0);
  return value;
}

const maxDepth = 64;

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
