import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { homeOf } from "../../config.ts";
import { logFileName, type NodeFile, type NodeMessage } from "../../node-messages.ts";
import { defineCommand } from "../command.ts";
import { findRunningNode } from "../node-process.ts";
import { reportedFailure, startNode } from "../node-start.ts";
import { integer } from "../options.ts";
import { programPath } from "../../program-path.ts";
import { printableLine } from "../../../runtime/printable.ts";
import type { Surroundings } from "../surroundings.ts";
import { connectText, upText, type UpReport } from "../views/up.ts";
import type { Invocation } from "../invocation.ts";

interface UpOptions {
  foreground?: boolean;
  port?: number;
}

export const up = defineCommand<UpOptions>({
  usage: "up",
  summary: "Start the node and its database, and tell how agents connect.",
  options: [
    new Option("--foreground", "stay in front and show the log; Ctrl-C ends it"),
    new Option("--port <port>", "TCP port on loopback; 0 takes a free one").argParser(integer(0, 65_535)),
  ],
  examples: ["up", "up --port 0", "up --foreground"],
  async run(invocation, { foreground, port }) {
    const { surroundings } = invocation;
    const home = homeOf(surroundings.environment);
    const log = join(home, logFileName);
    const running = findRunningNode(home);
    if (running !== null) return report(invocation, { started: false, node: running, log });
    const environment = withPort(surroundings.environment, port);
    if (foreground === true) return stayInFront(surroundings, environment);
    const node = await started(invocation, { home, environment });
    report(invocation, { started: true, node, log });
  },
});

function withPort(environment: NodeJS.ProcessEnv, port: number | undefined): NodeJS.ProcessEnv {
  return port === undefined ? environment : { ...environment, ROUSE_PORT: String(port) };
}

function report(invocation: Invocation, found: UpReport): void {
  const rouse = commandName(invocation.surroundings.environment);
  invocation.show(found, (payload, paper) => upText(payload, { paper, rouse }));
}

async function started(
  { surroundings, isJson }: Invocation,
  { home, environment }: { home: string; environment: NodeJS.ProcessEnv },
): Promise<NodeFile> {
  // Programs read one JSON object from standard error, or nothing.
  const tell = isJson ? (): void => {} : surroundings.err;
  const onProgress = (step: string): void => tell(`  ${step} …\n`);
  tell("Starting the node\n");
  try {
    return await startNode({ home, environment, onProgress });
  } catch (error) {
    // Somebody else started one at the same time.
    const other = findRunningNode(home);
    if (other !== null) return other;
    if (error instanceof RouseError) showLog(tell, error.details["last_log_lines"]);
    throw error;
  }
}

function showLog(tell: (text: string) => void, lines: unknown): void {
  if (!Array.isArray(lines) || lines.length === 0) return;
  tell(`Last lines of the log:\n${lines.map((line) => `  ${printableLine(String(line))}\n`).join("")}`);
}

async function stayInFront(surroundings: Surroundings, environment: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, ["--no-warnings", programPath("./main"), "serve"], {
    env: environment,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const end = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", letNodeDrain).on("SIGTERM", end);
  const rouse = commandName(surroundings.environment);
  const failures: RouseError[] = [];
  child.on("message", (message: NodeMessage) => {
    if (message.type === "ready") surroundings.err(connectText(message.node.url, rouse));
    if (message.type === "failed") failures.push(reportedFailure(message));
  });
  const [code] = (await once(child, "close")) as [number | null];
  process.removeListener("SIGINT", letNodeDrain).removeListener("SIGTERM", end);
  for (const failure of failures) throw failure;
  if (code !== 0) throw new RouseError("internal", `the node ended with code ${code ?? "of a signal"}`);
}

/** Ctrl-C reaches the node by itself, as a member of the terminal's group: we wait for its end. */
function letNodeDrain(): void {}

/** How the person calls this program. */
function commandName(environment: NodeJS.ProcessEnv): string {
  return environment["npm_lifecycle_event"] === "rouse" ? "npm run -s rouse --" : "rouse";
}
