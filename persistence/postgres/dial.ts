import { Socket } from "node:net";

export type Address = { host: string; port: number } | { path: string };

/**
 * An open socket to the server. After `deadlineMs` the attempt fails with ETIMEDOUT.
 * A listener for errors always stays on it: an error after its end must not become an uncaught exception.
 */
export function dial(address: Address, deadlineMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = new Socket();
    const timer = setTimeout(() => socket.destroy(timedOut(deadlineMs)), deadlineMs);
    socket.on("error", () => undefined);
    socket.once("error", reject);
    socket.once("close", () => clearTimeout(timer));
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.setNoDelay(true);
      // postgres.js takes the TLS server name from here.
      resolve(Object.assign(socket, "host" in address ? { host: address.host } : {}));
    });
    socket.connect(address);
  });
}

function timedOut(deadlineMs: number): Error {
  return Object.assign(new Error(`No connection to the database within ${deadlineMs} ms`), {
    code: "ETIMEDOUT",
  });
}
