import { z } from "zod";
import { definePort } from "../port.ts";
import { answerRefusals, launchPurposes, terminalBackends } from "./contract.ts";

const terminalAddress = z.object({
  backend: z.enum(terminalBackends),
  server: z.string(),
  target: z.string(),
  pid: z.number().int(),
  pidStartedAt: z.string(),
});
export type TerminalAddressRecord = z.infer<typeof terminalAddress>;

const place = { runtimeId: z.string(), agentId: z.string(), host: z.string() };

const launchInput = z.object({
  ...place,
  backend: z.enum(terminalBackends),
  purpose: z.enum(launchPurposes),
  sessionId: z.string().nullable(),
  prompt: z.string().nullable(),
});
const launchOutput = z.object({ address: terminalAddress, sessionId: z.string().nullable() });

const byHost = (input: { host: string }) => input.host;
const byRuntime = (input: { runtimeId: string }) => `runtime/${input.runtimeId}`;

export const launchTerminal = definePort({
  name: "launchTerminal",
  summary: "Starts the agent in a new terminal; the same runtime id finds what an earlier attempt started.",
  input: launchInput,
  output: launchOutput,
  repeat: "idempotent",
  retry: { attempts: 3, backoffMs: 500, maxBackoffMs: 5_000 },
  timeoutMs: 30_000,
  host: byHost,
  exclusive: byRuntime,
});

export const adoptTerminal = definePort({
  name: "adoptTerminal",
  summary: "Takes a pane that already exists under management, after reading its identity.",
  input: z.object({ ...place, server: z.string(), target: z.string() }),
  output: launchOutput,
  repeat: "idempotent",
  retry: { attempts: 2, backoffMs: 500, maxBackoffMs: 1_000 },
  timeoutMs: 10_000,
  host: byHost,
  exclusive: byRuntime,
});

export const watchTerminal = definePort({
  name: "watchTerminal",
  summary:
    "Watches the terminal and reports what the agent is doing, at each change and again before silence would make it stale, until the state is left. Fails with terminal_missing when it is gone.",
  input: z.object({ ...place, address: terminalAddress, sessionId: z.string().nullable() }),
  output: z.object({
    exitCode: z.number().int().nullable(),
    /** The last line on the screen of a program that failed: often why. */
    lastLine: z.string().nullable(),
  }),
  repeat: "idempotent",
  retry: { attempts: 5, backoffMs: 200, maxBackoffMs: 5_000 },
  timeoutMs: null,
  host: byHost,
});

const answerOutput = z.discriminatedUnion("verdict", [
  /** The key was pressed, and the dialog went away. */
  z.object({ verdict: z.literal("answered") }),
  /** The key was pressed, and what is shown still looks the same: it may be the next question. */
  z.object({ verdict: z.literal("unconfirmed") }),
  /** Nothing was answered. */
  z.object({ verdict: z.literal("refused"), reason: z.enum(answerRefusals) }),
]);
export type AnswerPromptOutput = z.infer<typeof answerOutput>;

const answerInput = z.object({
  ...place,
  fingerprint: z.string(),
  option: z.string(),
  /** Epoch ms; later the answer is too old to be given. */
  until: z.number(),
});
export type AnswerPromptInput = z.infer<typeof answerInput>;

export const answerPrompt = definePort({
  name: "answerPrompt",
  summary:
    "Presses the key of one option of the dialog that stands in the terminal, if it is still exactly the one that was shown, and verifies that it went away.",
  input: answerInput,
  output: answerOutput,
  repeat: "once",
  retry: { attempts: 1, backoffMs: 0, maxBackoffMs: 0 },
  timeoutMs: 20_000,
  host: byHost,
  exclusive: byRuntime,
});

export const stopTerminal = definePort({
  name: "stopTerminal",
  summary: "Ends the program and removes its terminal.",
  input: z.object({ ...place, address: terminalAddress }),
  output: z.object({}),
  repeat: "idempotent",
  retry: { attempts: 3, backoffMs: 500, maxBackoffMs: 5_000 },
  timeoutMs: 15_000,
  host: byHost,
  exclusive: byRuntime,
});
