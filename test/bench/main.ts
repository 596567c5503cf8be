import { parseArgs } from "node:util";
import { benchApi } from "./api.ts";
import { benchDelivery } from "./delivery.ts";
import { benchEngine } from "./engine.ts";
import { benchWake } from "./wake.ts";

/** `npm run bench -- NAME [OPTIONS]`. Figures on standard output, progress on standard error. */

const benchmarks: Record<string, { options: string; run: (args: readonly string[]) => Promise<void> }> = {
  wake: {
    options: "[--json] [--rounds N] [--backend tmux|pty]",
    async run(args) {
      const { values } = parseArgs({
        args: [...args],
        options: {
          json: { type: "boolean", default: false },
          rounds: { type: "string", default: "200" },
          backend: { type: "string" },
        },
      });
      const backend = values.backend === undefined ? {} : { backend: values.backend };
      const figures = await benchWake({ rounds: Number(values.rounds), ...backend });
      if (values.json) console.log(JSON.stringify(figures));
      else console.table(figures);
    },
  },
  api: { options: "[--json] [--rounds N] [--seconds N]", run: benchApi },
  delivery: {
    options: "[--wakes N] [--kinds codex,claude-code] [--minutes M] [--seed TEXT] [--json] [--write-docs]",
    run: benchDelivery,
  },
  engine: {
    options: "[--only NAME,…] [--json] [--rounds N] [--quick] [--write-docs | --render]",
    run: benchEngine,
  },
};

const [name = "", ...args] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  const lines = Object.entries(benchmarks).map(
    ([each, { options }]) => `  npm run bench -- ${each} ${options}`,
  );
  console.error(`Usage:\n${lines.join("\n")}`);
  process.exitCode = 2;
} else {
  await benchmark.run(args);
}
