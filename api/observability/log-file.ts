import { closeSync, fstatSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";

export interface LogFileOptions {
  path: string;
  /** It never grows beyond this, except by a single longer line. */
  maxBytes: number;
  /** Older files beside it: `path.1` is the latest. */
  kept: number;
}

/**
 * Lines appended to a file that is put aside when it is full. Writing is synchronous: a line that was logged is in the file
 * when the process dies right after.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  #fd: number;
  #size: number;

  /** Throws what the file system throws. */
  constructor(options: LogFileOptions) {
    this.#options = options;
    ({ fd: this.#fd, size: this.#size } = this.#open());
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) this.#rotate();
    this.#size += bytes.length;
    for (let written = 0; written < bytes.length;) written += writeSync(this.#fd, bytes, written);
  }

  #open(): { fd: number; size: number } {
    const fd = openSync(this.#options.path, "a", 0o600);
    return { fd, size: fstatSync(fd).size };
  }

  /** When the disk refuses, the same file goes on: a log that is too long is better than none. */
  #rotate(): void {
    const { path, kept } = this.#options;
    try {
      rmSync(`${path}.${kept}`, { force: true });
      for (let age = kept - 1; age >= 1; age -= 1) renameIfThere(`${path}.${age}`, `${path}.${age + 1}`);
      if (kept > 0) renameIfThere(path, `${path}.1`);
      else rmSync(path, { force: true });
      const old = this.#fd;
      ({ fd: this.#fd, size: this.#size } = this.#open());
      closeSync(old);
    } catch {
      // Tried again once as much has been written.
      this.#size = 0;
    }
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** True when what is written to this descriptor lands in that file. */
export function writesTo(fd: number, path: string): boolean {
  try {
    const [open, named] = [fstatSync(fd), statSync(path)];
    return open.ino === named.ino && open.dev === named.dev;
  } catch {
    return false;
  }
}
