import { z } from "zod";
import { acpDefinition } from "./definition.ts";

/** What the host is told by its one argument. Address and token of our endpoint come by the environment. */
export const hostOptions = z.strictObject({
  ...acpDefinition.pick({ command: true, cwd: true, authMethod: true, mode: true, allow: true }).shape,
  socketPath: z.string(),
  journalPath: z.string(),
  /** Session to bring back, or null for a new one. */
  sessionId: z.string().nullable(),
  /** Handed to the agent once its session is open, or null. */
  prompt: z.string().nullable(),
});

export type HostOptions = z.infer<typeof hostOptions>;
