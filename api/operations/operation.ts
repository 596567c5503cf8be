import { z } from "zod";
import type { WakePolicy } from "../../machines/participant/contract.ts";
import type { Role } from "../../machines/roles.ts";
import type { TerminalBackend } from "../../machines/runtime/contract.ts";
import type { RuntimePolicy } from "../../machines/runtime/events.ts";
import type { ThreadPolicy } from "../../machines/thread/events.ts";
import type { Clock, Ids } from "../../runtime/clock.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { ErrorCode } from "../../runtime/errors.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
import type { Caller } from "./caller.ts";
import type { NoteChange } from "./changes.ts";
import type { ContentFilter } from "./content-filter.ts";
import type { TokenAuthority } from "./tokens.ts";

export interface Policies {
  thread: ThreadPolicy;
  wake: WakePolicy;
  runtime: RuntimePolicy;
}

/** What a workspace lends to its operations. */
export interface Workspace {
  engine: Engine;
  tokens: TokenAuthority;
  policies: Policies;
  /** Terminal for launches when the caller names none: tmux where there is one, else pty. */
  backend: TerminalBackend;
  /** Host that runtimes belong to when the caller names none. */
  host: string;
  ids: Ids;
  clock: Clock;
  /** Throws `invalid_input` for an unknown agent kind or a definition that the kind does not understand. */
  checkDefinition: (kind: string, definition: unknown) => void;
  /** Absent: nothing is filtered. */
  contentFilter?: ContentFilter;
  /** Absent: nobody measures. */
  aroundCall?: AroundCall;
}

/** A call before it is checked: the input is as it came in. */
export interface CallInHand {
  operation: Operation;
  caller: Caller;
  input: unknown;
  requestId: string;
}

/** Stands around every call, to measure it: it must run it once and give back what it gave. */
export type AroundCall = (
  call: CallInHand,
  run: () => Promise<Record<string, unknown>>,
) => Promise<Record<string, unknown>>;

export interface QueryCall<Input> {
  caller: Caller;
  input: Input;
  workspace: Workspace;
  store: Store;
  requestId: string;
  /** Aborted when nobody waits for the answer any more, or this node is about to stop. */
  signal?: AbortSignal;
}

/** `tx` is the operation's one transaction: nothing may be written outside it. */
export interface MutationCall<Input> extends Omit<QueryCall<Input>, "store"> {
  tx: Transaction;
  /** For the audit: values that the call changed besides actors, which are noted by themselves. Never a secret. */
  noteChange: NoteChange;
}

/** Who sees the operation as an MCP tool; long tool lists cost every agent on every turn. */
export const toolsets = ["thread", "coordination", "operation"] as const;
export type Toolset = (typeof toolsets)[number];

export type HttpMethod = "GET" | "POST" | "PUT" | "DELETE";

interface Common<Input extends z.ZodType, Output extends z.ZodType> {
  /** snake_case; also the name of the MCP tool. */
  name: string;
  /** One sentence, shown in lists. */
  summary: string;
  /** More for models that read the tool's description. */
  guidance?: string;
  /** What a model's call means where it leaves a field out: its context is small and dear. */
  modelDefaults?: Readonly<Record<string, unknown>>;
  toolset: Toolset;
  http: { method: HttpMethod; path: string };
  roles: readonly Role[];
  /** Its own reasons to refuse, besides those that any call may meet: the reference tells them. */
  refusals?: readonly ErrorCode[];
  input: Input;
  output: Output;
}

export interface Query<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> extends Common<Input, Output> {
  readOnly: true;
  // Methods, so that operations of any input fit one list.
  handler(call: QueryCall<z.output<Input>>): Promise<Payload<Output>>;
}

export interface Mutation<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> extends Common<Input, Output> {
  readOnly: false;
  /** Repeating the call without a key changes nothing more. */
  idempotent: boolean;
  /** Ends something that cannot be had back by another call. */
  destructive?: boolean;
  /** Calls that come at the same moment may share one commit: its handler awaits nothing but `tx`. */
  isFrequent?: boolean;
  /** Output fields that are never stored: a repetition with the same key gets null in their place. */
  shownOnce?: readonly string[];
  handler(call: MutationCall<z.output<Input>>): Promise<Payload<Output>>;
}

export type Operation = Query | Mutation;

/** What a handler returns: the runner adds the version. */
type Payload<Output extends z.ZodType> = Omit<z.input<Output>, "schema_version">;

export const schemaVersion = 1;
const version = { schema_version: z.literal(schemaVersion) };

const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 printable ASCII characters")
  .optional()
  .describe("Same key and payload again returns the first result. Use a fresh one per intended change.");

type Definition<Name, Input extends z.ZodRawShape, Output extends z.ZodRawShape, Whole> = Omit<
  Whole,
  "name" | "input" | "output" | "readOnly"
> & { name: Name; input: Input; output: Output };

/** Keeps its name as a type, so that a client's methods follow from the definitions. */
type Named<Name extends string, Whole> = Whole & { name: Name };

type Versioned<Output extends z.ZodRawShape> = z.ZodObject<Output & typeof version>;

/** An operation that changes nothing. */
export function defineQuery<
  const Name extends string,
  const Input extends z.ZodRawShape,
  const Output extends z.ZodRawShape,
>(
  definition: Definition<Name, Input, Output, Query<z.ZodObject<Input>, Versioned<Output>>>,
): Named<Name, Query<z.ZodObject<Input>, Versioned<Output>>> {
  return {
    ...definition,
    readOnly: true,
    input: z.strictObject(definition.input),
    output: z.object({ ...version, ...definition.output }),
  };
}

type Keyed<Input extends z.ZodRawShape> = z.ZodObject<Input & { idempotency_key: typeof idempotencyKey }>;

/** An operation that changes something: one transaction, one audit row, an optional idempotency key. */
export function defineMutation<
  const Name extends string,
  const Input extends z.ZodRawShape,
  const Output extends z.ZodRawShape,
>(
  definition: Definition<Name, Input, Output, Mutation<Keyed<Input>, Versioned<Output>>>,
): Named<Name, Mutation<Keyed<Input>, Versioned<Output>>> {
  return {
    ...definition,
    readOnly: false,
    input: z.strictObject({ ...definition.input, idempotency_key: idempotencyKey }),
    output: z.object({ ...version, ...definition.output }),
  };
}
