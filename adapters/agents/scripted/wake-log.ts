/** What the scripted agent was given, in its own words: an account of wakes that does not come from Rouse. */
import { appendFileSync } from "node:fs";

export interface NotedWake {
  wakeId: string;
  threadId: string;
  agentId: string;
  sessionId: string;
  /** Which run of the session, from 1. */
  run: number;
  /** Pointer lines in what was submitted. */
  pointers: number;
}

export function noteWake(logFile: string, wake: NotedWake): void {
  appendFileSync(logFile, `${JSON.stringify(wake)}\n`, { mode: 0o600 });
}
