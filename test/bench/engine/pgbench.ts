import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { connect } from "../../../persistence/postgres/connect.ts";

/** The yardstick: single-row updates by eight clients, each its own transaction, on the same server. */

export interface PgbenchRun {
  tps: number;
  /** What ran it: the real program, or eight connections of our own client where it is not installed. */
  by: "pgbench" | "own client";
}

export interface PgbenchOptions {
  url: string;
  seconds: number;
  clients?: number;
  /** As in `pgbench -M`. */
  protocol?: "simple" | "prepared";
}

const rows = 100_000;
const script = `\\set id random(1, ${rows})
update bench.account set balance = balance + 1 where id = :id;
`;

/** Like pgbench's own accounts: an integer key, a balance, and a filler of 84 characters. */
export async function preparePgbench(url: string): Promise<void> {
  const database = connect({ url, max: 1 });
  try {
    await database.sql.unsafe(`
      create schema bench;
      create table bench.account (id integer primary key, balance integer not null, filler char(84) not null);
      insert into bench.account select id, 0, '' from generate_series(1, ${rows}) as id;`);
    await database.sql.unsafe("vacuum analyze bench.account");
  } finally {
    await database.close();
  }
}

export async function runPgbench(options: PgbenchOptions): Promise<PgbenchRun> {
  const program = findProgram();
  if (program === null) return { tps: await runOwnClient(options), by: "own client" };
  return { tps: await runProgram(program, options), by: "pgbench" };
}

/** Debian keeps it beside the server's programs, newest version last. */
function findProgram(): string | null {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted().toReversed() : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(delimiter),
  ];
  return folders.map((folder) => join(folder, "pgbench")).find((file) => existsSync(file)) ?? null;
}

async function runProgram(program: string, options: PgbenchOptions): Promise<number> {
  const { url, seconds, clients = 8, protocol = "simple" } = options;
  const folder = mkdtempSync(join(tmpdir(), "rouse-pgbench-"));
  const file = join(folder, "update.sql");
  writeFileSync(file, script);
  try {
    const size = ["-c", String(clients), "-j", "2", "-T", String(seconds)];
    const { stdout } = await promisify(execFile)(program, ["-n", ...size, "-M", protocol, "-f", file, url]);
    const tps = /^tps = (?<tps>[\d.]+) \(without/mu.exec(stdout)?.groups?.["tps"];
    if (tps === undefined) throw new Error(`pgbench told no figure:\n${stdout}`);
    return Number(tps);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runOwnClient({ url, seconds, clients = 8 }: PgbenchOptions): Promise<number> {
  const database = connect({ url, max: clients });
  let done = 0;
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1_000;
  const client = async (): Promise<void> => {
    while (performance.now() < endAt) {
      const id = 1 + Math.floor(Math.random() * rows);
      await database.sql`update bench.account set balance = balance + 1 where id = ${id}`;
      done += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
    return (done * 1_000) / (performance.now() - startedAt);
  } finally {
    await database.close();
  }
}
