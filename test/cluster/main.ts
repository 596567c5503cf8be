import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Network, networkMissing, runInHub } from "../network/namespaces.ts";
import { findPrograms } from "./programs.ts";
import { openScene, type Scene } from "./scene.ts";
import { playRounds, type ClusterFigures } from "./rounds.ts";

/**
 * `npm run test:cluster`: a highly available Postgres from Debian's packages, three nodes of ours on it under load, and
 * rounds of faults. Ends with 0 when nothing was lost or doubled, with 1 otherwise, with 2 where it cannot be played.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
    /** Leaves the folder with the logs of every program. */
    keep: { type: "boolean", default: false },
  },
});

const network = Network.ofThisProcess();
process.exitCode = network === null ? await enter() : await play(network);
// Sockets to hosts that are gone would hold the process.
process.exit();

async function enter(): Promise<number> {
  const missing = networkMissing() ?? programsMissing();
  if (missing === null) return runInHub(fileURLToPath(import.meta.url), process.argv.slice(2));
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
  try {
    scene = await openScene(inNetwork, root, say);
    const figures = await playRounds(scene, Number(values.rounds), say);
    show(figures);
    return figures.problems.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(error);
    console.error(`The logs are in ${root}.`);
    values.keep = true;
    return 1;
  } finally {
    await scene?.close();
    if (!values.keep) rmSync(root, { recursive: true, force: true });
  }
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

function show(figures: ClusterFigures): void {
  if (values.json) return console.log(JSON.stringify(figures));
  console.table(figures.faults);
  console.log(
    `${figures.acknowledged} posts acknowledged, ${figures.retries} calls repeated, ${figures.problems.length} problems`,
  );
  for (const problem of figures.problems) console.log(`- ${problem}`);
}
