import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** A temporary state folder for an embedded server; `remove` stops the server and deletes the folder. */
export async function makeServerFolder(): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(path.join(tmpdir(), "rouse-test-postgres-"));
  // When root starts it the server runs as another user, who has to pass through.
  await chmod(dir, 0o711);
  return { dir, remove: removeAfterUs(dir) };
}

/** A process that sees its standard input end when we do, also by Ctrl-C or kill -9, and then removes the server. */
function removeAfterUs(dir: string): () => Promise<void> {
  const script = fileURLToPath(new URL("remove-server.ts", import.meta.url));
  const remover = spawn(process.execPath, [script, dir], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
  });
  remover.unref();
  return async () => {
    const exited = once(remover, "exit");
    remover.ref();
    remover.stdin.end();
    await exited;
  };
}
