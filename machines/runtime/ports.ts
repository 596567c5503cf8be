import { z } from "zod";
import { definePort } from "../port.ts";
import { launchPurposes, terminalBackends } from "./contract.ts";

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
