import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { RouseError } from "../../../runtime/errors.ts";
import { linesOf } from "./lines.ts";

/** The lines of a backup, one after the other. Throws `invalid_input` for what is no whole backup. */
export class BackupLines {
  readonly #lines: AsyncGenerator<string, void>;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    const gunzip = createGunzip();
    const source = createReadStream(file);
    source.once("error", (error) => gunzip.destroy(error));
    this.#lines = linesOf(source.pipe(gunzip));
  }

  async next(): Promise<string> {
    const found = await this.#lines.next().catch((error: unknown) => {
      throw this.broken(error instanceof Error ? error.message : String(error));
    });
    if (found.done === true) throw this.broken("it ends too early");
    return found.value;
  }

  /** The next line as JSON of this shape. */
  async json<T>(shape: {
    safeParse: (value: unknown) => { success: true; data: T } | { success: false };
  }): Promise<T> {
    const parsed = shape.safeParse(parsedJson(await this.next()));
    if (parsed.success) return parsed.data;
    throw this.broken("a line of it is not what stands there in a backup");
  }

  broken(why: string): RouseError {
    return new RouseError("invalid_input", `${this.#file} is no whole backup: ${why}`, {
      nextStep: "Restore another copy of it; nothing was changed.",
    });
  }
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
