/** What a holder and its clients say to each other: one JSON object a line, over a private unix socket. */
import { z } from "zod";
import { errorCodes, type ErrorCode } from "../../../runtime/errors.ts";
import { answerKeys } from "../../../runtime/terminal.ts";

/** Longest line; a screen of 500 × 500 in JSON fits. */
export const maxLineBytes = 4 * 1024 * 1024;

const size = { columns: z.number().int().min(1).max(1_000), rows: z.number().int().min(1).max(1_000) };

export const holderRequest = z.discriminatedUnion("op", [
  z.object({ op: z.literal("hello") }),
  z.object({ op: z.literal("view") }),
  z.object({ op: z.literal("paste"), text: z.string() }),
  z.object({ op: z.literal("enter") }),
  z.object({ op: z.literal("key"), key: z.enum(answerKeys) }),
  z.object({ op: z.literal("kill"), graceMs: z.number().min(0) }),
  /** From then on `{event: "changed"}` arrives. */
  z.object({ op: z.literal("watch") }),
  /** From then on `{event: "output"}` arrives, and `input` and `resize` are a person's. */
  z.object({ op: z.literal("attach"), ...size }),
  z.object({ op: z.literal("input"), data: z.string() }),
  z.object({ op: z.literal("resize"), ...size }),
]);
export type HolderRequest = z.infer<typeof holderRequest>;

/** The program a request is meant for; the holder refuses another. */
export const expectedProgram = z.object({ pid: z.number().int(), pidStartedAt: z.string() });
export type ExpectedProgram = z.infer<typeof expectedProgram>;

export const holderCall = z.object({ expect: expectedProgram.optional(), request: holderRequest });

export const helloResult = expectedProgram.extend({ runtimeId: z.string(), alive: z.boolean() });
export type HelloResult = z.infer<typeof helloResult>;

export const viewResult = z.object({
  alive: z.boolean(),
  exitCode: z.number().int().exactOptional(),
  lines: z.array(z.string()),
  solidLines: z.array(z.string()),
  cursor: z.object({ row: z.number().int(), column: z.number().int() }),
  title: z.string(),
  inCopyMode: z.boolean(),
  viewers: z.number().int(),
  humanIdleMs: z.number().nullable(),
  foreground: z.string(),
});

export const pasteResult = z.object({ bytes: z.number().int() });
export const nothing = z.object({});

const errorCodeNames = Object.keys(errorCodes).filter((name): name is ErrorCode => name in errorCodes);

export const holderMessage = z.union([
  z.object({ result: z.unknown() }),
  z.object({ error: z.object({ code: z.enum(errorCodeNames), message: z.string() }) }),
  z.object({ event: z.literal("changed") }),
  z.object({ event: z.literal("output"), data: z.string() }),
  z.object({ event: z.literal("ended"), exitCode: z.number().int().nullable() }),
]);
export type HolderMessage = z.infer<typeof holderMessage>;

export function encodeLine(message: HolderMessage | z.infer<typeof holderCall>): string {
  return `${JSON.stringify(message)}\n`;
}

/** Splits a stream of UTF-8 text into lines. Calls `onOverflow` once when a line grows beyond all bounds. */
export function lineSplitter(
  onLine: (line: string) => void,
  onOverflow: () => void,
): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    if (rest.length > maxLineBytes) {
      rest = "";
      onOverflow();
    }
  };
}
