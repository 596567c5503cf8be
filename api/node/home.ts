import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RouseError } from "../../runtime/errors.ts";
import { nodeFileName, operatorTokenFileName, type NodeFile } from "../node-messages.ts";

/** The folder of state, private to its owner. */
export class Home {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Throws `directory_not_writable`. */
  prepare(): void {
    try {
      mkdirSync(this.path, { recursive: true });
      // The database's user must be able to pass through to its own folder; what is private is a private file or folder.
      chmodSync(this.path, 0o711);
      this.#write("probe", "");
      rmSync(join(this.path, "probe"));
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new RouseError("directory_not_writable", `cannot write to ${this.path}: ${reason}`, {
        nextStep: "Make the folder writable, or set ROUSE_HOME to one that is.",
        cause,
      });
    }
  }

  folder(name: string): string {
    return join(this.path, name);
  }

  /** Stays the same over restarts, so that a node finds its own records again. */
  nodeId(): string {
    const path = join(this.path, "node.id");
    if (!existsSync(path)) this.#write("node.id", `node-${randomUUID().slice(0, 8)}`);
    return readFileSync(path, "utf8").trim();
  }

  /** What the last node wrote; null when none runs or it ended well. */
  readNodeFile(): NodeFile | null {
    try {
      return JSON.parse(readFileSync(join(this.path, nodeFileName), "utf8")) as NodeFile;
    } catch {
      return null;
    }
  }

  writeNodeFile(node: NodeFile): void {
    this.#write(nodeFileName, JSON.stringify(node));
  }

  removeNodeFile(): void {
    rmSync(join(this.path, nodeFileName), { force: true });
  }

  writeOperatorToken(token: string): void {
    this.#write(operatorTokenFileName, token);
  }

  /** Whole or not at all: readers never see half a file. */
  #write(name: string, text: string): void {
    const target = join(this.path, name);
    const temporary = `${target}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, target);
  }
}
