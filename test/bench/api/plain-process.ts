import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("plain-main.ts", import.meta.url));

/** The plain server as a process of its own. */
export async function startPlain(databaseUrl: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const child = fork(program, [databaseUrl], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [{ url }] = (await once(child, "message")) as [{ url: string }];
  return {
    url,
    async stop() {
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}
