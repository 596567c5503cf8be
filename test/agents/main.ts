import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { startEmbedded } from "../../persistence/embedded/server.ts";
import { prepareDatabases } from "../seams/databases.ts";
import { makeServerFolder } from "../setup/server-folder.ts";
import { installAgent, InstallError } from "./install.ts";
import { playedKinds } from "./kinds/index.ts";
import { agentPackages } from "./packages.ts";
import { scenarios } from "./scenarios/index.ts";
import { type Backend, backends } from "./stage.ts";
import { closeStages, runSuite, timeIsUp } from "./suite.ts";
import { tableOf, verdictOf } from "./table.ts";

const help = `npm run test:agents -- [options]
Plays with the real agent programs against a scripted model, offline but for npm. Results on standard output, progress on standard error.

  --kinds NAME,…      ${playedKinds.map(({ name }) => name).join(", ")} (default: all)
  --scenarios NAME,…  default: all. There are:
${scenarios.map(({ name, title }) => `                        ${name.padEnd(24)}${title}`).join("\n")}
  --without NAME,…    scenarios that are left out
  --again             play once more what failed; what passes then is told with what the first attempt met
  --backend tmux|pty  default: both
  --minutes N         begin no scenario after that
  --json              one JSON document
  --help

The programs are kept in ~/.cache/rouse-agents, or in ROUSE_AGENT_CACHE.
Ends with 0: played and nothing failed; 1: something failed; 2: a wrong option; 3: nothing could be played.`;

const exitCodes = { passed: 0, failed: 1, unplayed: 3 } as const;

const { values } = parseArgs({
  options: {
    kinds: { type: "string", default: "all" },
    scenarios: { type: "string", default: "all" },
    without: { type: "string" },
    again: { type: "boolean", default: false },
    backend: { type: "string", default: "all" },
    minutes: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(help);
else process.exitCode = await main();

async function main(): Promise<number> {
  const kinds = chosen("kinds", values.kinds, playedKinds);
  const stories = chosen("scenarios", values.scenarios, scenarios);
  const left = values.without === undefined ? [] : chosen("without", values.without, scenarios);
  const places = chosen(
    "backend",
    values.backend,
    backends.map((name) => ({ name })),
  );
  if (kinds === null || stories === null || left === null || places === null) return 2;
  const programs = [];
  for (const kind of kinds) programs.push({ kind, program: await programOf(kind.name) });
  const { dir, remove } = await makeServerFolder();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(
      signal,
      () =>
        void closeStages()
          .then(remove)
          .finally(() => process.exit(130)),
    );
  try {
    const { url } = await startEmbedded({ dir });
    const databases = await prepareDatabases(url);
    const results = await runSuite({
      ...{ kinds: programs, backends: here(places.map(({ name }) => name)), databases, again: values.again },
      scenarios: stories.filter((story) => !left.includes(story)),
      onResult: ({ kind, backend, scenario, outcome, reason }) => {
        say(`${kind}/${backend} ${scenario}: ${outcome}${reason === "" ? "" : ` (${reason})`}`);
      },
      onFailure: (_result, details) => say(details),
      ...(values.minutes === undefined
        ? {}
        : { signal: AbortSignal.timeout(Number(values.minutes) * 60_000) }),
    });
    const late = results.filter(({ reason }) => reason === timeIsUp);
    if (late.length > 0)
      say(
        `::: the time was up: NOT PLAYED: ${late.map(({ kind, scenario }) => `${kind} ${scenario}`).join(", ")} :::`,
      );
    console.log(values.json ? JSON.stringify(results) : tableOf(results));
    return exitCodes[verdictOf(results)];
  } finally {
    await remove();
  }
}

/** Null, and said, when a name is unknown. */
function chosen<Item extends { name: string }>(
  what: string,
  names: string,
  all: readonly Item[],
): readonly Item[] | null {
  if (names === "all") return all;
  const wanted = names.split(",");
  const unknown = wanted.filter((name) => !all.some((item) => item.name === name));
  if (unknown.length === 0) return all.filter(({ name }) => wanted.includes(name));
  say(`--${what}: no ${unknown.join(", ")}. There are: ${all.map(({ name }) => name).join(", ")}.`);
  return null;
}

async function programOf(name: keyof typeof agentPackages): Promise<string | Error> {
  try {
    return await installAgent(agentPackages[name], { onProgress: say });
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    say(`::: ${name} is SKIPPED: ${error.code}: ${error.message}\n::: ${error.nextStep}`);
    return error;
  }
}

function here(wanted: readonly Backend[]): Backend[] {
  const hasTmux = spawnSync("tmux", ["-V"]).status === 0;
  if (!hasTmux && wanted.includes("tmux")) say("::: tmux is missing: its scenarios are SKIPPED");
  return wanted.filter((backend) => backend !== "tmux" || hasTmux);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
