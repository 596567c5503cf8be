import { z } from "zod";
import { operations } from "../../api/operations/list.ts";
import type { Role } from "../../machines/roles.ts";
import { errorCodes, type ErrorCode } from "../../runtime/errors.ts";
import type { GeneratedInput } from "./inputs.ts";
import type { Matrix } from "./matrix.ts";
import { changedTables, type State } from "./state-reader.ts";
import type { Envelope, Surface, Verdict } from "./surfaces.ts";

export interface Deed {
  operation: string;
  readOnly: boolean;
  role: Role;
  surface: Surface;
  envelope: Envelope;
  input: GeneratedInput;
  verdict: Verdict;
  before: State;
  after: State;
}

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
/** What every failure looks like; a surface may add the standard's own fields. */
const problemShape = z.looseObject({
  schema_version: z.literal(1),
  code: z.enum(codes),
  message: z.string().min(1),
  next_step: z.string().min(1),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()),
  request_id: z.string().min(1),
});
/** Reasons that have nothing to do with what the call is about, given before its role is looked at. */
const ofTheRequest = ["invalid_input", "body_too_large", "not_found", "request_timeout"];
/** JSON-RPC: a message that is none, an unknown method or tool, parameters of a wrong shape. Not -32603: that is ours. */
const protocolCodes = [-32_700, -32_600, -32_601, -32_602, -32_000];
/** As they were when the program began: whatever is changed later is held against these. */
const promised = new Map(operations.map(({ name, input, output }) => [name, { input, output }]));

/** What is wrong with how a call was answered; empty: nothing. */
export function judge(deed: Deed, matrix: Matrix): string[] {
  const { verdict } = deed;
  const may = matrix.get(deed.operation)?.has(deed.role) === true;
  const complaints = polluted();
  if (verdict.type === "unreadable")
    return [...complaints, `the answer is no answer of ours: ${verdict.why}`];
  if (verdict.type === "protocol") {
    if (!protocolCodes.includes(verdict.code)) complaints.push(`JSON-RPC code ${verdict.code}`);
  }
  if (verdict.type === "refused") complaints.push(...ofProblem(verdict.problem, may));
  if (verdict.type === "done") complaints.push(...ofResult(deed, verdict.result, may));
  const mayChange = verdict.type === "done" && !deed.readOnly;
  const changed = mayChange ? [] : changedTables(deed.before, deed.after);
  if (changed.length > 0) complaints.push(`a call that was ${verdict.type} changed ${changed.join(", ")}`);
  return complaints;
}

function ofProblem(problem: Record<string, unknown>, may: boolean): string[] {
  const shape = problemShape.safeParse(problem);
  if (!shape.success) return [`no valid problem: ${z.prettifyError(shape.error)}`];
  const { code, details } = shape.data;
  const { status } = errorCodes[code];
  const complaints: string[] = [];
  if (status >= 500) complaints.push(`a ${status}: ${code}: ${shape.data.message}`);
  if (!may && code !== "forbidden" && !ofTheRequest.includes(code)) {
    complaints.push(`a role that may not call learns ${code}`);
  }
  if (JSON.stringify(details).length > 20_000) complaints.push("a refusal that repeats all that was sent");
  return complaints;
}

function ofResult(deed: Deed, result: Record<string, unknown>, may: boolean): string[] {
  const { operation, surface, input } = deed;
  if (!may) return [`role ${deed.role} may not, and did`];
  const shapes = promised.get(operation);
  if (shapes === undefined) return [`${operation} is in no list`];
  const output = shapes.output.safeParse(result);
  if (!output.success) return [`no valid result: ${z.prettifyError(output.error)}`];
  // REST spreads an input over address, headers and body; a tool takes it whole.
  if (surface === "rest") return [];
  const taken = shapes.input.safeParse(withoutEnvelope(input));
  return taken.success ? [] : [`took what its schema refuses: ${z.prettifyError(taken.error)}`];
}

/** What any payload may state about its caller. That it is true the runner has checked; here it is only taken away. */
function withoutEnvelope({ json }: GeneratedInput): unknown {
  const value = JSON.parse(json) as unknown;
  if (typeof value !== "object" || value === null) return value;
  const stated = ["workspace_id", "author", "caller_id", "schema_version"];
  return Object.fromEntries(Object.entries(value).filter(([name]) => !stated.includes(name)));
}

function polluted(): string[] {
  return "polluted" in {} ? ["the prototype of every object was changed"] : [];
}
