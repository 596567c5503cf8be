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
    socket.once("error", (cause) => {
      reject(
        new RouseError("terminal_missing", `No terminal answers at ${socketPath}.`, {
          nextStep: "Start the agent again.",
          details: { socketPath, reason: "code" in cause ? cause.code : cause.message },
          cause,
        }),
      );
    });
    socket.once("connect", () => resolve(socket));
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
    return await askOn(socket, call);
  } finally {
    socket.destroy();
  }
}

export function askOn<Result>(socket: Socket, call: HolderCall<Result>): Promise<Result> {
  const { request, expect, timeoutMs } = call;
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => reject(failed(`did not answer within ${timeoutMs} ms`)));
    socket.once("error", (cause) => reject(failed(`broke the connection: ${cause.message}`)));
    socket.once("close", () => reject(failed("closed the connection")));
    onMessages(socket, (message) => {
      if ("error" in message) reject(new RouseError(message.error.code, message.error.message));
      else if ("result" in message) resolve(call.result.parse(message.result));
    });
    socket.write(encodeLine(expect === undefined ? { request } : { expect, request }));
  });
}

function failed(problem: string): RouseError {
  return new RouseError("terminal_failed", `The terminal's holder ${problem}.`);
}
