import { parseArgs } from "node:util";
import { benchWake } from "./wake.ts";

/** `npm run bench -- NAME [--json] [--rounds N] [--backend tmux|pty]`. Figures on standard output, progress on standard error. */

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "200" },
    backend: { type: "string" },
  },
});

const benchmarks: Record<string, () => Promise<object>> = {
  wake: () =>
    benchWake({
      rounds: Number(values.rounds),
      ...(values.backend === undefined ? {} : { backend: values.backend }),
    }),
};

const [name = ""] = positionals;
const run = benchmarks[name];
if (run === undefined) {
  console.error(`Usage: npm run bench -- ${Object.keys(benchmarks).join("|")} [--json] [--rounds N]`);
  process.exitCode = 2;
} else {
  const figures = await run();
  if (values.json) console.log(JSON.stringify(figures));
  else console.table(figures);
}
