import { parseArgs } from "node:util";
import { startEmbedded } from "../../persistence/embedded/server.ts";
import { makeServerFolder } from "../setup/server-folder.ts";
import { prepareDatabases } from "./databases.ts";
import { isSeamName, seamNames, type SeamName } from "./seams.ts";
import { type RoundReport, runSuite } from "./suite.ts";
import { failuresOf, figuresOf, markdownOf } from "./table.ts";

/**
 * `npm run seams -- [--seam NAME …] [--rounds N] [--paired] [--seed N] [--at-once N] [--backend tmux|pty] [--json | --markdown]`.
 * Results on standard output, progress on standard error. Fails when anything was lost, doubled or stuck, or when no
 * process died at a seam. Uses the server of DATABASE_URL, else an embedded one of its own.
 */

const { values } = parseArgs({
  options: {
    seam: { type: "string", multiple: true, default: [] },
    rounds: { type: "string", default: "20" },
    paired: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    "at-once": { type: "string", default: "2" },
    backend: { type: "string" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});

const unknown = values.seam.filter((name) => !isSeamName(name));
if (unknown.length > 0) {
  console.error(`No seam ${unknown.join(", ")}. There are:\n${seamNames.join("\n")}`);
  process.exitCode = 2;
} else {
  await run(values.seam.length === 0 ? seamNames : values.seam.filter(isSeamName));
}

async function run(seams: readonly SeamName[]): Promise<void> {
  const server = await openServer();
  const rounds = Number(values.rounds);
  let done = 0;
  const onRound = ({ seam, problems, recoveryMs }: RoundReport): void => {
    done += 1;
    const back =
      recoveryMs.length === 0 ? "no turn was left" : `back after ${Math.round(Math.max(...recoveryMs))} ms`;
    const end = problems[0] ?? back;
    console.error(`${done}/${seams.length * rounds} ${seam}: ${end}`);
  };
  const interruption = new AbortController();
  // A second signal ends us at once.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort());
  try {
    const databases = await prepareDatabases(server.url);
    const reports = await runSuite({
      databases,
      seams,
      rounds,
      seed: Number(values.seed),
      secondDeaths: values.paired ? "paired" : "sometimes",
      terminal: values.backend,
      atOnce: Number(values["at-once"]),
      onRound,
      signal: interruption.signal,
    });
    await databases.drop();
    const figures = figuresOf(seams, reports);
    const failures = failuresOf(figures, reports);
    if (values.json) console.log(JSON.stringify({ seed: Number(values.seed), figures, failures }));
    else if (values.markdown) console.log(markdownOf(figures));
    else console.table(figures);
    for (const failure of failures) console.error(failure);
    process.exitCode = interruption.signal.aborted ? 130 : failures.length === 0 ? 0 : 1;
  } finally {
    await server.remove();
  }
}

async function openServer(): Promise<{ url: string; remove: () => Promise<void> }> {
  const given = process.env["DATABASE_URL"];
  if (given !== undefined && given !== "") return { url: given, remove: () => Promise.resolve() };
  const { dir, remove } = await makeServerFolder();
  const { url } = await startEmbedded({ dir });
  return { url, remove };
}
