import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { startEmbedded } from "../../persistence/embedded/server.ts";
import { installAgent } from "../agents/install.ts";
import { playedKinds } from "../agents/kinds/index.ts";
import type { PlayedKind } from "../agents/kinds/kind.ts";
import { agentPackages } from "../agents/packages.ts";
import { type Databases, prepareDatabases } from "../seams/databases.ts";
import { makeServerFolder } from "../setup/server-folder.ts";
import { playWakes } from "./delivery/play.ts";
import {
  type DeliveryReport,
  figuresOf,
  hasFailed,
  type KindFigures,
  tableOf,
  writeDeliveryDocs,
} from "./delivery/report.ts";

/**
 * `npm run bench -- delivery [--wakes N] [--kinds NAME,…] [--minutes M] [--seed TEXT] [--json] [--write-docs]`: wakes of the
 * real programs in tmux with something in the way of every second one, kinds side by side. Exit code 1 when a wake was lost
 * or doubled, a dialog typed into or a draft damaged.
 */
export async function benchDelivery(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      wakes: { type: "string", default: "300" },
      kinds: { type: "string", default: "codex,claude-code" },
      minutes: { type: "string", default: "60" },
      seed: { type: "string", default: "rouse" },
      json: { type: "boolean", default: false },
      "write-docs": { type: "boolean", default: false },
    },
  });
  const asked = values.kinds.split(",");
  const kinds = playedKinds.filter(({ name }) => asked.includes(name));
  if (kinds.length < asked.length)
    throw new Error(`--kinds: there are ${playedKinds.map(({ name }) => name).join(", ")}`);
  const command = ["npm run bench -- delivery", ...args].join(" ");
  const { wakes, minutes, seed } = values;
  const report = await measure(kinds, { command, wakes: Number(wakes), minutes: Number(minutes), seed });
  if (values.json) console.log(JSON.stringify({ ...report.kinds, details: report.details }));
  else console.log(tableOf(report));
  if (values["write-docs"]) writeDeliveryDocs(report);
  if (hasFailed(report)) process.exitCode = 1;
}

interface Run {
  command: string;
  wakes: number;
  minutes: number;
  seed: string;
}

async function measure(kinds: readonly PlayedKind[], run: Run): Promise<DeliveryReport> {
  const startedAt = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedAt) / 1_000);
  const say = (text: string): void =>
    void process.stderr.write(`${String(seconds()).padStart(5)} s  ${text}\n`);
  const programs: [PlayedKind, string][] = [];
  for (const kind of kinds)
    programs.push([kind, await installAgent(agentPackages[kind.name], { onProgress: say })]);
  const { dir, remove } = await makeServerFolder();
  try {
    const { url } = await startEmbedded({ dir });
    const databases = await prepareDatabases(url);
    const figures = await Promise.all(
      programs.map(([kind, program]) => playKind({ kind, program, databases, say }, run)),
    );
    return {
      kinds: Object.fromEntries(figures),
      details: {
        command: run.command,
        date: new Date().toISOString(),
        duration_s: seconds(),
        seed: run.seed,
        cores: cpus().length,
        versions: Object.fromEntries(kinds.map(({ name }) => [name, agentPackages[name].version])),
      },
    };
  } finally {
    await remove();
  }
}

async function playKind(
  parts: { kind: PlayedKind; program: string; databases: Databases; say: (text: string) => void },
  { wakes, minutes, seed }: Run,
): Promise<[string, KindFigures]> {
  const signal = AbortSignal.timeout(minutes * 60_000);
  const played = await playWakes({ ...parts, backend: "tmux", wakes, seed, signal });
  for (const { number, interference, lost, doubled, rewoken, ...damage } of played) {
    const told = { lost, doubled, rewoken, ...damage };
    if (lost || doubled + rewoken > 0 || damage.typedIntoDialog || damage.draftDamaged)
      parts.say(`${parts.kind.name} ${number} ${interference}: ${JSON.stringify(told)}`);
  }
  return [parts.kind.name, figuresOf(played)];
}
