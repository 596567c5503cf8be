/** What a host and our node say to each other: one JSON object a line, over a private unix socket. */
import { connect, type Socket } from "node:net";
import { z } from "zod";
import { activities, dialogKinds } from "../../../machines/runtime/contract.ts";
import { lineSplitter } from "../../terminals/pty/protocol.ts";
import { parseJson } from "../parse-json.ts";

export const hostRequest = z.discriminatedUnion("op", [
  /** Answered by the state. */
  z.object({ op: z.literal("hello") }),
  /** Answered by the state, now and at each change. */
  z.object({ op: z.literal("watch") }),
  /** Answered by one verdict. `expiresAt`: epoch ms after which it is no longer wanted. */
  z.object({ op: z.literal("wake"), wakeId: z.string(), text: z.string(), expiresAt: z.number() }),
]);
export type HostRequest = z.infer<typeof hostRequest>;

export const hostState = z.object({
  /** Whether the agent has a session and can be prompted. */
  isOpen: z.boolean(),
  activity: z.enum(activities),
  dialog: z.enum(dialogKinds).optional(),
  /** Epoch ms. */
  limitedUntil: z.number().optional(),
  sessionId: z.string().nullable(),
  /** Whether the agent can bring its session back. */
  canResume: z.boolean(),
});
export type HostState = z.infer<typeof hostState>;

/** `started`: the agent answers it. `queued`: a turn runs. `refused`: nothing reached the agent. */
export const wakeVerdict = z.enum(["started", "queued", "refused"]);
export type WakeVerdict = z.infer<typeof wakeVerdict>;

export const hostMessage = z.union([
  z.object({ state: hostState }),
  z.object({ wake: wakeVerdict, why: z.string().optional() }),
]);
export type HostMessage = z.infer<typeof hostMessage>;

/** Throws when nobody listens there. */
export function openHost(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.setEncoding("utf8");
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

export function sayTo(socket: Socket, message: HostRequest | HostMessage): void {
  if (!socket.destroyed && !socket.writableEnded) socket.write(`${JSON.stringify(message)}\n`);
}

/** What is no message of the schema ends the connection. */
export function hear<Message>(
  socket: Socket,
  schema: z.ZodType<Message>,
  onMessage: (message: Message) => void,
): void {
  const split = lineSplitter(
    (line) => {
      const { data } = schema.safeParse(parseJson(line));
      if (data === undefined) socket.destroy();
      else onMessage(data);
    },
    () => socket.destroy(),
  );
  socket.on("data", (chunk) => split(String(chunk)));
}

/** The first answer to one request; null when there is none in time. Throws when nobody listens. */
export async function askHost(
  socketPath: string,
  request: HostRequest,
  signal: AbortSignal,
): Promise<HostMessage | null> {
  const socket = await openHost(socketPath);
  try {
    return await new Promise((resolve) => {
      const giveUp = (): void => resolve(null);
      socket.on("error", giveUp);
      socket.on("close", giveUp);
      signal.addEventListener("abort", giveUp, { once: true });
      if (signal.aborted) giveUp();
      hear(socket, hostMessage, resolve);
      sayTo(socket, request);
    });
  } finally {
    socket.destroy();
  }
}
