import { z } from "zod";
import { getOperation } from "../../api/operations/list.ts";
import type { MutationCall, Operation, QueryCall } from "../../api/operations/operation.ts";
import { roles } from "../../machines/roles.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Store } from "../../runtime/store.ts";

/** A mistake somebody could make in an operation, to see that the search finds it. */
export interface PlantedBug {
  name: string;
  operation: string;
  /** The parts of its definition that it is wrong in. */
  changes: (sound: Operation) => Partial<Operation>;
  /** What the counterexample says. */
  found: RegExp;
}

type AnyCall = QueryCall<never> & MutationCall<never>;
type Handler = (call: AnyCall) => Promise<Record<string, unknown>>;

const handlerOf = (operation: Operation): Handler => {
  const { handler }: { handler: Handler } = operation;
  return handler;
};
const textOf = (call: AnyCall, name: string): string => String((call.input as Record<string, unknown>)[name]);

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "a long id makes the handler throw",
    operation: "get_thread",
    changes: (sound) => ({
      handler: (call: AnyCall) => {
        if (textOf(call, "thread_id").length > 20) throw new TypeError("planted");
        return handlerOf(sound)(call);
      },
    }),
    found: /a 500: internal/,
  },
  {
    name: "a role is let through that the documents refuse",
    operation: "list_audit",
    changes: () => ({ roles }),
    found: /may not, and did/,
  },
  {
    name: "a refusal comes after something was written",
    operation: "heartbeat_session",
    changes: () => ({
      handler: async ({ workspace }: AnyCall) => {
        await workspace.engine.store.transaction((tx) => tx.putSetting("planted", { at: tx.now }));
        throw new RouseError("transition_refused", "planted");
      },
    }),
    found: /a call that was refused changed setting/,
  },
  {
    name: "a question changes something",
    operation: "get_status",
    changes: (sound) => ({
      handler: async (call: AnyCall) => {
        await call.workspace.engine.store.transaction((tx) => tx.putSetting("planted", { at: tx.now }));
        return handlerOf(sound)(call);
      },
    }),
    found: /a call that was done changed setting/,
  },
  {
    name: "unknown fields are taken",
    operation: "summarize_thread",
    changes: ({ input }) => ({ input: (input as z.ZodObject).loose() }),
    found: /took what its schema refuses/,
  },
];

/** Returns the function that puts the sound definition back. */
export function plant({ operation: name, changes }: Pick<PlantedBug, "operation" | "changes">): () => void {
  const operation = getOperation(name);
  if (operation === null) throw new Error(`there is no operation ${name}`);
  const sound = { ...operation };
  Object.assign(operation, changes(sound));
  return () => void Object.assign(operation, sound);
}

/** For the search across tenants: an operation that looks into another workspace. */
export function peeking(from: Store, into: Store): PlantedBug["changes"] {
  return (sound) => ({
    handler: (call: AnyCall) => handlerOf(sound)({ ...call, store: call.store === from ? into : call.store }),
  });
}

type Changes = PlantedBug["changes"];
type Fields = Record<string, unknown>;

/** An operation that is given something else than its caller sent. */
function bentInput(bend: (input: Fields) => Fields): Changes {
  return (sound) => ({
    handler: (call: AnyCall) => handlerOf(sound)({ ...call, input: bend(call.input) as never }),
  });
}

/** For naughty strings: a post that tidies what was written, and a reading that does. */
export const mangledPost = bentInput((input) => ({ ...input, body: String(input["body"]).normalize("NFC") }));

export const mangledRead: Changes = (sound) => ({
  handler: async (call: AnyCall) => {
    const page = await handlerOf(sound)(call);
    const messages = page["messages"] as { body: string }[];
    return { ...page, messages: messages.map((each) => ({ ...each, body: each.body.normalize("NFC") })) };
  },
});

/** For caps: a field that takes one character more than is published, and a body that takes one byte more. */
export function generousField(name: string, most: number): Changes {
  return ({ input }) => ({ input: (input as z.ZodObject).extend({ [name]: z.string().max(most + 1) }) });
}

export function generousBody(mostBytes: number): Changes {
  return bentInput((input) => {
    const body = String(input["body"]);
    return Buffer.byteLength(body) === mostBytes + 1 ? { ...input, body: body.slice(0, -1) } : input;
  });
}
