import { codeOf, isTypeScript, type SourceFile } from "./source-file.ts";

/** Sources of time, randomness and ids, each with what to use in its place. Everything below `api` gets them injected. */
const IMPURE: [RegExp, string][] = [
  [/\bDate\.now\b/u, "Date.now: time is an argument, or comes from the clock"],
  [/\bnew Date\(\s*\)/u, "new Date(): time is an argument, or comes from the clock"],
  [/(?<![.\w])Date\(\s*\)/u, "Date(): time is an argument, or comes from the clock"],
  [
    /(?<![.\w]|function )(?:globalThis\.)?set(?:Timeout|Interval|Immediate)\b/u,
    "a timer: arm it through the clock",
  ],
  [/\bnode:timers\b|\bperformance\.\w/u, "a clock of its own: time comes from the clock"],
  [/\bMath\.random\b/u, "Math.random: randomness comes from the clock's side of the engine"],
  [/\brandom(?:UUID|Bytes|Int|FillSync|Fill)\b|\bgetRandomValues\b/u, "random ids: they are injected"],
];

/** Text of a chart that the kernel could not run durably. What needs the loaded chart is checked in `test/machines`. */
const NOT_DURABLE: [RegExp, string][] = [
  [/\bspawn(?:Child)?\s*\(/u, "spawn: a child is its own actor, addressed by mail"],
  [/\bsystemId\s*:/u, "systemId: actors are addressed by their own address"],
  [/\bfrom(?:Promise|Callback|Observable|EventObservable|Transition)\b/u, "live logic: name a port"],
  [/\bcreateActor\b/u, "a live actor: only the kernel runs charts"],
];

/** Clocks, randomness and ids where they would make a decision unrepeatable. */
export function purityViolations(files: readonly SourceFile[]): string[] {
  const pure = files.filter(
    (file) =>
      isTypeScript(file) && /^(?:machines|runtime)\//u.test(file.path) && file.path !== "runtime/clock.ts",
  );
  return pure.flatMap((file) => matches(file, codeWithImports(file), IMPURE));
}

/** Charts that break the rules of durable charts in their text. */
export function chartViolations(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => isTypeScript(file) && /^machines\/[^/]+\//u.test(file.path))
    .flatMap((file) => {
      const code = codeOf(file.text);
      const problems = invokeBodies(code).flatMap(invokeProblems);
      return matches(file, code, NOT_DURABLE).concat(problems.map((problem) => `${file.path}: ${problem}`));
    });
}

/** Strings blanked, except that the names of imported modules must be seen. */
function codeWithImports(file: SourceFile): string {
  const modules = [...file.text.matchAll(/from\s*["'](node:[^"']+)["']/gu)].map((match) => match[1]);
  return `${codeOf(file.text)}\n${modules.join("\n")}`;
}

function matches(file: SourceFile, code: string, rules: readonly [RegExp, string][]): string[] {
  return rules.filter(([pattern]) => pattern.test(code)).map(([, problem]) => `${file.path}: ${problem}`);
}

/** A key may also come from a spread, which only the loaded chart can show. */
function invokeProblems(body: string): string[] {
  if (body.includes("...")) return [];
  return ["id", "src", "onError"]
    .filter((key) => !new RegExp(`\\b${key}\\s*[:,]`, "u").test(body))
    .map((key) => `an invoke without ${key}`);
}

/** The text between the braces of every `invoke: {…}` and of every member of `invoke: [{…}, {…}]`. */
function invokeBodies(code: string): string[] {
  return [...code.matchAll(/\binvoke\s*:\s*(?<open>[{[])/gu)].flatMap((match) => {
    const start = match.index + match[0].length - 1;
    const block = balanced(code, start);
    return match.groups?.["open"] === "{" ? [block] : members(block);
  });
}

function members(list: string): string[] {
  const bodies: string[] = [];
  for (let index = 1; index < list.length; index += 1) {
    if (list[index] !== "{") continue;
    const body = balanced(list, index);
    bodies.push(body);
    index += body.length;
  }
  return bodies;
}

/** From the opening bracket at `start` to the one that closes it, both included. */
function balanced(code: string, start: number): string {
  let depth = 0;
  for (let index = start; index < code.length; index += 1) {
    if ("{[(".includes(code.charAt(index))) depth += 1;
    if ("}])".includes(code.charAt(index))) depth -= 1;
    if (depth === 0) return code.slice(start, index + 1);
  }
  return code.slice(start);
}
