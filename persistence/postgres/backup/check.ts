import { z } from "zod";
import { endOfRows, endShape, headerShape, tableEndShape, tableShape, Tally, type Header } from "./format.ts";
import { BackupLines } from "./read.ts";

/** Reads all of it once, so that a broken file is known before a database is touched. Throws `invalid_input`. */
export async function requireWhole(file: string): Promise<Header> {
  const lines = new BackupLines(file);
  const header = await lines.json(headerShape);
  let rows = 0;
  for (let tables = 0; ; tables += 1) {
    const part = await lines.json(z.union([tableShape, endShape]));
    if ("end" in part) {
      if (part.rows !== rows || part.tables !== tables) throw lines.broken("rows are missing");
      return header;
    }
    const tally = new Tally();
    for (let line = await lines.next(); line !== endOfRows; line = await lines.next()) tally.add(line);
    const [found, said] = [tally.end(), await lines.json(tableEndShape)];
    if (said.rows !== found.rows || said.sha256 !== found.sha256)
      throw lines.broken(`${part.table} was changed`);
    rows += found.rows;
  }
}
