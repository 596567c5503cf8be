import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Where charts could ask the world itself. While charts are walked, each of these notes who asked. */

export interface Trapped<Result> {
  result: Result;
  /** `Date.now() at order.ts:31`, each once. */
  uses: string[];
}

type Callable = (...args: unknown[]) => unknown;

const functions: [object: object, name: string, label: string][] = [
  [Math, "random", "Math.random()"],
  [performance, "now", "performance.now()"],
  [crypto, "randomUUID", "crypto.randomUUID()"],
  [crypto, "getRandomValues", "crypto.getRandomValues()"],
  [globalThis, "fetch", "fetch()"],
  [globalThis, "setTimeout", "setTimeout()"],
  [globalThis, "setInterval", "setInterval()"],
  [globalThis, "setImmediate", "setImmediate()"],
];

/** `work` is not to be asynchronous: what others do meanwhile would be noted, too. */
export function trapping<Result>(work: () => Result): Trapped<Result> {
  const uses = new Set<string>();
  const note = (label: string): void => void uses.add(`${label} at ${placeOfCaller()}`);
  const releases = [
    trapDate(note),
    ...functions.map(([owner, name, label]) => trap(owner, name, () => note(label))),
  ];
  try {
    return { result: work(), uses: [...uses] };
  } finally {
    for (const release of releases) release();
  }
}

function trap(owner: object, name: string, onCall: () => void): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  const original = Reflect.get(owner, name) as Callable;
  const value = (...args: unknown[]): unknown => {
    onCall();
    return Reflect.apply(original, owner, args);
  };
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, before);
  };
}

function trapDate(note: (label: string) => void): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, "Date");
  const value = new Proxy(Date, {
    apply(target, self, args) {
      note("Date()");
      return Reflect.apply(target, self, args) as string;
    },
    construct(target, args: unknown[], newTarget) {
      if (args.length === 0) note("new Date()");
      return Reflect.construct(target, args, newTarget as Callable) as object;
    },
    get(target, name) {
      if (name !== "now") return Reflect.get(target, name) as unknown;
      return () => {
        note("Date.now()");
        return target.now();
      };
    },
  });
  Object.defineProperty(globalThis, "Date", { value, configurable: true, writable: true });
  return () => {
    if (before !== undefined) Object.defineProperty(globalThis, "Date", before);
  };
}

const own = fileURLToPath(import.meta.url);

/** The innermost frame outside this file. */
function placeOfCaller(): string {
  const frames = (new Error("place").stack ?? "").split("\n").slice(1);
  const places = frames.flatMap((frame) => /(?:file:\/\/)?(\/[^()]*):(\d+):\d+\)?$/.exec(frame) ?? []);
  for (let index = 0; index < places.length; index += 3) {
    const [, path = "", line = ""] = places.slice(index, index + 3);
    if (path !== own) return `${relative(process.cwd(), path)}:${line}`;
  }
  return "an unknown place";
}
