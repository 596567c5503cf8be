import { open } from "node:fs/promises";
import type { z } from "zod";

const tailBytes = 64 * 1024;

/** The last records of a file that holds one JSON object a line, newest first; what is no such record is left out. */
export async function readLastRecords<Output>(path: string, record: z.ZodType<Output>): Promise<Output[]> {
  const lines = (await readTail(path)).split("\n").toReversed();
  return lines.flatMap((line) => {
    try {
      return [record.parse(JSON.parse(line))];
    } catch {
      // The first line of a tail is cut, and the last may be half written.
      return [];
    }
  });
}

async function readTail(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const length = Math.min(size, tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
