/** The scripted agent's own memory of its sessions, one JSON file. Real agents keep transcripts; this keeps what resume needs. */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

const sessionsFile = z.object({
  sessions: z.record(z.string(), z.object({ agentId: z.string(), runs: z.int() })),
});

export interface OpenSession {
  sessionId: string;
  /** Times that this session was opened, this one included. */
  runs: number;
}

/** Throws when the session to resume is unknown, like the real programs do. */
export function openSession(request: {
  stateFile: string | null;
  agentId: string;
  resume: string | null;
}): OpenSession {
  const { stateFile, agentId, resume } = request;
  const stored = stateFile === null ? { sessions: {} } : read(stateFile);
  const known = resume === null ? undefined : stored.sessions[resume];
  if (resume !== null && known?.agentId !== agentId) throw new Error(`no session ${resume} of ${agentId}`);
  const sessionId = resume ?? `ses-${randomUUID()}`;
  const runs = (known?.runs ?? 0) + 1;
  if (stateFile !== null) write(stateFile, { ...stored.sessions, [sessionId]: { agentId, runs } });
  return { sessionId, runs };
}

function read(stateFile: string): z.infer<typeof sessionsFile> {
  try {
    return sessionsFile.parse(JSON.parse(readFileSync(stateFile, "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { sessions: {} };
    throw error;
  }
}

function write(stateFile: string, sessions: z.infer<typeof sessionsFile>["sessions"]): void {
  mkdirSync(dirname(stateFile), { recursive: true });
  const draft = `${stateFile}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ sessions }), { mode: 0o600 });
  renameSync(draft, stateFile);
}
