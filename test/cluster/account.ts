import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Cluster } from "./cluster.ts";

/** What the cluster and its programs said last: to be read beside the reason why a run stopped. */
export async function accountOf(root: string, cluster: Cluster | null): Promise<string> {
  const members = cluster === null ? [] : await cluster.report().catch((error: unknown) => [String(error)]);
  const logs = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".log"),
  );
  return [
    `The machine's load: ${loadOfMachine()}`,
    ...titled("Patroni's members", members),
    ...logs.toSorted().flatMap((path) => titled(path, lastLines(join(root, path)))),
  ].join("\n");
}

/** Of the last minute, and of the last five. */
export function loadOfMachine(): string {
  const [one = 0, five = 0] = loadavg();
  return `${one.toFixed(1)} / ${five.toFixed(1)}`;
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`== ${title}`, ...lines.map((line) => line.slice(0, lineLength))];
}

function lastLines(path: string): string[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => begun.test(line) && !idle.test(line)).slice(-linesOfEach);
}

/** Not the further lines of an entry, such as a statement or a stack. */
const begun = /^(?:raft)?20|^[[{]/;
/** Said every few seconds, of nothing: by Patroni, by PgBouncer, and by a node whose agents have no terminals. */
const idle = /no action\. I am|Lock owner: |LOG stats: |new connection to server|"msg":"escalated"/;
const linesOfEach = 12;
const lineLength = 300;
