import { createHash } from "node:crypto";
import type { OpencodeServer, SessionInfo } from "./server.ts";

/** A prompt of ours as a message. The same key makes the same message, however often it is handed in. */
export interface WakeMessage {
  messageID: string;
  parts: { id: string; type: "text"; text: string }[];
}

export function wakeMessage(key: string, text: string): WakeMessage {
  const hash = createHash("sha256").update(`rouse/${key}`).digest("hex").slice(0, 26);
  return { messageID: `msg_${hash}`, parts: [{ id: `prt_${hash}`, type: "text", text }] };
}

/** The message, as the session's current agent and model: left out, it would change to the default ones. */
export async function handIn(
  server: OpencodeServer,
  { id, agent, model }: SessionInfo,
  message: WakeMessage,
  signal: AbortSignal,
): Promise<void> {
  const variant = model?.variant === "default" ? undefined : model?.variant;
  const body = {
    ...message,
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model: { providerID: model.providerID, modelID: model.id } }),
    ...(variant === undefined ? {} : { variant }),
  };
  await server.prompt(id, body, signal);
}
