/** A client's side of a holder's socket. */
import { connect, type Socket } from "node:net";
import type { z } from "zod";
import { RouseError } from "../../../runtime/errors.ts";
import {
  encodeLine,
  type ExpectedProgram,
  holderMessage,
  type HolderMessage,
  type HolderRequest,
  lineSplitter,
} from "./protocol.ts";

/** Throws `terminal_missing` when nobody listens there. */
export function openHolder(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.setEncoding("utf8");
    socket.once("error", (cause) => reject(missingTerminal(socketPath, cause)));
    socket.once("connect", () => resolve(socket));
  });
}

export function missingTerminal(socketPath: string, cause?: unknown): RouseError {
  return new RouseError("terminal_missing", `No living terminal answers at ${socketPath}.`, {
    nextStep: "Start the agent again.",
    details: { socketPath },
    cause,
  });
}

export function onMessages(socket: Socket, onMessage: (message: HolderMessage) => void): void {
  const onLine = (line: string) => onMessage(holderMessage.parse(JSON.parse(line)));
  socket.on(
    "data",
    lineSplitter(onLine, () => socket.destroy()),
  );
}

export interface HolderCall<Result> {
  request: HolderRequest;
  expect?: ExpectedProgram;
  result: z.ZodType<Result>;
  timeoutMs: number;
}

/** One request on a connection of its own. */
export async function askHolder<Result>(socketPath: string, call: HolderCall<Result>): Promise<Result> {
  const socket = await openHolder(socketPath);
  try {
    return await askOn(socket, socketPath, call);
  } finally {
    socket.destroy();
  }
}

export function askOn<Result>(socket: Socket, socketPath: string, call: HolderCall<Result>): Promise<Result> {
  const { request, expect, timeoutMs } = call;
  return new Promise((resolve, reject) => {
    const lost = (cause?: Error): void => reject(lostConnection(request, socketPath, cause));
    socket.setTimeout(timeoutMs, () => reject(failed(`did not answer within ${timeoutMs} ms`)));
    socket.once("error", lost);
    socket.once("close", () => lost());
    onMessages(socket, (message) => {
      if ("error" in message) reject(new RouseError(message.error.code, message.error.message));
      else if ("result" in message) resolve(call.result.parse(message.result));
    });
    socket.write(encodeLine(expect === undefined ? { request } : { expect, request }));
  });
}

/** A holder that vanished is a missing terminal, but what was typed into it may have arrived. */
function lostConnection(request: HolderRequest, socketPath: string, cause: Error | undefined): RouseError {
  const isTyping = request.op === "paste" || request.op === "enter";
  return isTyping ? failed("ended while it was written to", cause) : missingTerminal(socketPath, cause);
}

function failed(problem: string, cause?: Error): RouseError {
  return new RouseError("terminal_failed", `The terminal's holder ${problem}.`, { cause });
}
