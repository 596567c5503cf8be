import fc from "fast-check";
import type { Operation } from "../../api/operations/operation.ts";
import { roles, type Role } from "../../machines/roles.ts";
import { inputsOf, type GeneratedInput } from "./inputs.ts";
import { judge } from "./judge.ts";
import type { Matrix } from "./matrix.ts";
import { seed, type KnownValues } from "./seed.ts";
import { issueAll, type HostileStage } from "./stage.ts";
import type { State } from "./state-reader.ts";
import {
  envelopes,
  mcpCall,
  mcpVerdict,
  restCall,
  restVerdict,
  type Envelope,
  type Surface,
  type Verdict,
} from "./surfaces.ts";

export interface FuzzOptions {
  known: KnownValues;
  matrix: Matrix;
  runs: number;
  seed: number;
}

export interface FuzzReport {
  operation: string;
  calls: number;
  /** How often each answer came: `done`, a code, or `protocol`. */
  answers: Record<string, number>;
  /** The smallest call that is answered wrongly, and what is wrong; null: none was found. */
  counterexample: string | null;
}

/** What was closed or revoked by one operation is no use to the next: now and then all begins with new things. */
const operationsPerSeed = 8;

/** One after the other; each report as soon as it is there. */
export async function* fuzzOperations(
  stage: HostileStage,
  chosen: readonly Operation[],
  options: Omit<FuzzOptions, "known">,
): AsyncGenerator<FuzzReport> {
  let known: KnownValues = {};
  for (const [index, operation] of chosen.entries()) {
    if (index % operationsPerSeed === 0) known = await seed(stage.a, `f${index}`);
    yield await fuzzOperation(stage, operation, { ...options, known });
  }
}

interface Drawn {
  role: Role;
  surface: Surface;
  envelope: Envelope;
  input: GeneratedInput;
}

/** Calls one operation with generated inputs on both surfaces as every role. Needs a stage on which nothing else moves. */
export async function fuzzOperation(
  stage: HostileStage,
  operation: Operation,
  { known, matrix, runs, seed: drawSeed }: FuzzOptions,
): Promise<FuzzReport> {
  const report: FuzzReport = { operation: operation.name, calls: 0, answers: {}, counterexample: null };
  const drawn: fc.Arbitrary<Drawn> = fc.record({
    role: fc.constantFrom(...roles),
    surface: fc.constantFrom<Surface>("rest", "mcp"),
    envelope: envelopes,
    input: inputsOf(operation, known),
  });
  let state = await stage.state.read(stage.a.id);
  const property = fc.asyncProperty(drawn, async (draw) => {
    const { verdict, before, after } = await perform(stage, operation, draw, state);
    state = after;
    report.calls += 1;
    const answer = nameOf(verdict);
    report.answers[answer] = (report.answers[answer] ?? 0) + 1;
    const deed = { ...draw, operation: operation.name, readOnly: operation.readOnly, verdict, before, after };
    const complaints = [...judge(deed, matrix), ...reported(stage)];
    if (complaints.length > 0)
      throw new Error(`${complaints.join("\n")}\nanswer: ${JSON.stringify(verdict).slice(0, 600)}`);
  });
  const details = await fc.check(property, { numRuns: runs, seed: drawSeed });
  if (details.failed) report.counterexample = described(details);
  return report;
}

async function perform(stage: HostileStage, operation: Operation, draw: Drawn, known: State) {
  let before = known;
  for (let attempt = 1; ; attempt += 1) {
    const verdict = await ask(stage, operation, draw);
    const after = await stage.state.read(stage.a.id);
    if (!isTokenRefusal(verdict) || attempt > 2) return { verdict, before, after };
    // An earlier call revoked it, as it was meant to.
    stage.a.forgetTokens();
    await issueAll(stage.a);
    before = await stage.state.read(stage.a.id);
  }
}

async function ask(
  stage: HostileStage,
  operation: Operation,
  { role, surface, ...draw }: Drawn,
): Promise<Verdict> {
  const attempt = { operation, ...draw, token: await stage.a.token(role) };
  return surface === "rest"
    ? restVerdict(await stage.client.send(restCall(attempt)))
    : mcpVerdict(await stage.client.send(mcpCall(attempt)));
}

function isTokenRefusal(verdict: Verdict): boolean {
  if (verdict.type !== "refused") return false;
  return ["unauthenticated", "token_revoked", "token_expired"].includes(String(verdict.problem["code"]));
}

function nameOf(verdict: Verdict): string {
  return verdict.type === "refused" ? String(verdict.problem["code"]) : verdict.type;
}

function reported(stage: HostileStage): string[] {
  return stage.failures
    .splice(0)
    .map(({ context, error }) => `the server reported ${context}: ${String(error)}`);
}

function described(details: fc.RunDetails<[Drawn]>): string {
  const [found] = details.counterexample ?? [];
  const { role, surface, envelope, input } = found ?? {};
  const call = `${role} over ${surface} (${envelope}, ${input?.kind}): ${input?.json.slice(0, 500)}`;
  const error = details.errorInstance instanceof Error ? details.errorInstance.message : "";
  return `${call}\n${error}\nseed ${details.seed}, path ${details.counterexamplePath}`;
}
