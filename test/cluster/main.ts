import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Network, networkMissing, runInHub } from "../network/namespaces.ts";
import { accountOf } from "./account.ts";
import { findPrograms } from "./programs.ts";
import { openScene, type Scene } from "./scene.ts";
import { playRounds, type ClusterFigures, type Spread } from "./rounds.ts";
import { memberNames } from "./settings.ts";

/**
 * `npm run test:cluster`: a highly available Postgres from Debian's packages, three nodes of ours on it under load, and
 * rounds of faults. Ends with 0 when nothing was lost or doubled and nothing took a hand, with 1 otherwise, with 2 where
 * it cannot be played, with 130 when it is interrupted.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
    /** Leaves the folder with the logs of every program, also after a good end. */
    keep: { type: "boolean", default: false },
  },
});

const network = Network.ofThisProcess();
process.exitCode = network === null ? await enter() : await play(network);
// Sockets to hosts that are gone would hold the process.
process.exit();

async function enter(): Promise<number> {
  const missing = networkMissing() ?? programsMissing();
  if (missing === null) return runInHub(fileURLToPath(import.meta.url), process.argv.slice(2), memberNames);
  console.error(`The cluster cannot be played here: ${missing}`);
  return 2;
}

function programsMissing(): string | null {
  try {
    findPrograms();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

async function play(inNetwork: Network): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), "rouse-cluster-"));
  chmodSync(root, 0o711);
  let scene: Scene | null = null;
  const rounds = async (): Promise<number> => {
    scene = await openScene(inNetwork, root, say);
    const figures = await playRounds(scene, Number(values.rounds), say);
    show(figures);
    return figures.problems.length === 0 ? 0 : 1;
  };
  const code = await Promise.race([rounds(), interrupted()]).catch((error: unknown) => {
    console.error(error);
    return 1;
  });
  if (code === 1) console.error(await accountOf(root, (scene as Scene | null)?.cluster ?? null));
  inNetwork.endOthers();
  if (code === 1 || values.keep) say(`All logs are in ${root}.`);
  else rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  return code;
}

/** Also by a signal that came through the process that started us. */
function interrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve(130));
  });
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

function show(figures: ClusterFigures): void {
  if (values.json) return console.log(JSON.stringify(figures));
  const rows = Object.entries(figures.faults).map(([name, { times, ...spreads }]) => [
    name,
    { times, ...Object.fromEntries(Object.entries(spreads).map(([what, spread]) => [what, cell(spread)])) },
  ]);
  console.table(Object.fromEntries(rows));
  console.log(
    `${figures.acknowledged} posts acknowledged, ${figures.retries} calls repeated, ${figures.problems.length} problems`,
  );
  for (const problem of figures.problems) console.log(`- ${problem}`);
}

function cell(spread: Spread | null): string {
  return spread === null ? "" : `${spread.p50} / ${spread.max}`;
}
