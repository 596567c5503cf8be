import { JsonRpcLink } from "../json-rpc.ts";
import { parseJson } from "../parse-json.ts";
import { openTextSocket } from "./web-socket.ts";

export type CallCodex = (method: string, params: object) => Promise<unknown>;

/**
 * Talks to the app-server at `socketPath`, of which an agent's terminal shows a session. The connection ends with `work`.
 * Throws `RpcRefusal`, and any other error when nobody answers there or the connection broke.
 */
export async function withAppServer<Result>(
  socketPath: string,
  signal: AbortSignal,
  work: (call: CallCodex) => Promise<Result>,
): Promise<Result> {
  const link: JsonRpcLink = new JsonRpcLink((message) => socket.send(JSON.stringify(message)));
  const socket = await openTextSocket(
    socketPath,
    {
      onText: (text) => link.hear(parseJson(text)),
      onEnd: (cause) => link.end(new Error("Codex's app-server does not answer any more", { cause })),
    },
    signal,
  );
  try {
    const clientInfo = { name: "rouse", title: "Rouse", version: "1" };
    await link.call("initialize", { clientInfo, capabilities: { experimentalApi: true } });
    link.notify("initialized");
    return await work((method, params) => link.call(method, params));
  } finally {
    socket.close();
  }
}
