// Runs the previous release's own tests of store and engine on the schema of this version: during a rolling upgrade
// nodes of both work side by side on it. `npm run check:previous-release`.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../persistence/embedded/server.ts";
import { connect } from "../persistence/postgres/connect.ts";
import { migrate, readMigrations } from "../persistence/postgres/migrate.ts";
import { makeServerFolder } from "../test/setup/server-folder.ts";

const TESTS = ["test/persistence/postgres", "test/runtime/engine.test.ts", "test/runtime/reconcile.test.ts"];

const commit = readFileSync(new URL("previous-release", import.meta.url), "utf8")
  .split("\n")
  .find((line) => /^[0-9a-f]{40}$/.test(line));
if (commit === undefined) throw new Error(".ci/previous-release names no commit");
if (spawnSync("git", ["cat-file", "-e", `${commit}^{commit}`]).status === 0) {
  process.exitCode = await runOldTests(commit);
} else {
  console.error(
    `::: The previous release (${commit}) is not in this clone (git fetch --unshallow): its tests on the new schema are SKIPPED :::`,
  );
}

/** @param {string} release */
async function runOldTests(release) {
  const folder = mkdtempSync(join(tmpdir(), "rouse-previous-release-"));
  const { dir, remove } = await makeServerFolder();
  try {
    const archive = execFileSync("git", ["archive", release], { maxBuffer: 1 << 28 });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
    symlinkSync(join(process.cwd(), "node_modules"), join(folder, "node_modules"));
    const { url } = await startEmbedded({ dir });
    await prepare(url, folder);
    // The file that sets up its databases finds everything in place, as a node does that is restarted.
    const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...TESTS], {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, DATABASE_URL: url },
    });
    return status ?? 1;
  } finally {
    await remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The template of the databases that the old tests make. @param {string} serverUrl @param {string} oldFolder */
async function prepare(serverUrl, oldFolder) {
  const url = new URL(serverUrl);
  url.pathname = "/template1";
  const database = connect({ url: url.href });
  try {
    await migrate(database);
    const newest = (await readMigrations()).at(-1)?.name;
    console.log(`On the schema as of ${newest}:`);
    if (toleratesNewer(oldFolder)) return;
    // This release refuses every newer schema when it starts. What counts is how it fares when it runs already.
    await database.sql`delete from rouse.migration where id > 1`;
  } finally {
    await database.close();
  }
}

/** @param {string} oldFolder */
function toleratesNewer(oldFolder) {
  const source = readFileSync(join(oldFolder, "persistence/postgres/migrate.ts"), "utf8");
  return source.includes("compatible-with");
}
