import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const workspaceId = "bench";

export type NodeOrder = "report" | "stop";

/** Since the last report. */
export interface NodeReport {
  /** Of mails that carry the time when they were sent: until their turn was committed. */
  latenciesMs: number[];
  /** Processor time since the start of the process. */
  cpuMs: number;
  rssMb: number;
}

export interface EngineNodeOptions {
  url: string;
  nodeId: string;
  /** False: it finds its work by polling alone. */
  doorbell: boolean;
  /** The engine's default unless given. */
  pollMs?: number;
}

/** A node of the engine as a process of its own. */
export class EngineNode {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start({ url, nodeId, doorbell, pollMs }: EngineNodeOptions): Promise<EngineNode> {
    const args = [url, nodeId, doorbell ? "bell" : "deaf", pollMs === undefined ? "" : String(pollMs)];
    const child = fork(program, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    await answerOf(child);
    return new EngineNode(child);
  }

  report(): Promise<NodeReport> {
    const answer = answerOf(this.#child);
    this.#child.send("report" satisfies NodeOrder);
    return answer;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.send("stop" satisfies NodeOrder);
    await exited;
  }
}

const program = fileURLToPath(new URL("node-main.ts", import.meta.url));

function answerOf(child: ChildProcess): Promise<NodeReport> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a node ended with ${code}`));
    child.once("exit", onExit);
    child.once("message", (report: NodeReport) => {
      child.off("exit", onExit);
      resolve(report);
    });
  });
}
