import { Option } from "commander";
import { defineCommand } from "../command.ts";
import { integer } from "../options.ts";

interface Given {
  file: string;
  mermaid?: boolean;
  strict?: boolean;
  limit?: number;
}

export const check = defineCommand<Given>({
  usage: "check <file>",
  summary: "Model-check the statecharts that a file exports. Needs no node.",
  remarks:
    "Names everything the engine forbids, dead ends, unreachable states, circles and what no example covers. Exit code 0: the charts hold, 1: they don't, 2: there is no chart to check.",
  arguments: { file: "JavaScript, or TypeScript without syntax that Node cannot strip" },
  options: [
    new Option("--mermaid", "draw the charts instead, with what was not covered marked"),
    new Option("--strict", "warnings, unreached states and uncovered transitions count as well"),
    new Option("--limit <positions>", "positions to walk at most, default 1000").argParser(integer(1)),
  ],
  examples: ["check order.ts", "check order.ts --strict", "check order.ts --mermaid > order.mmd"],
  async run(invocation, { file, mermaid = false, strict = false, limit }) {
    // Charts bring XState along: loaded by this command alone.
    const { loadSubjects } = await import("../check/load.ts");
    const { checkLoaded } = await import("../check/run.ts");
    const checked = (await loadSubjects(file)).map((subject) => ({
      subject,
      chart: checkLoaded(subject, { limit, strict }),
    }));
    const charts = checked.map(({ chart }) => chart);
    if (mermaid) {
      const { markedDiagram } = await import("../check/diagram.ts");
      const drawn = checked.map(({ subject, chart }) => markedDiagram(subject.machine, chart));
      invocation.surroundings.out(drawn.join("\n"));
    } else {
      const { chartsView } = await import("../check/view.ts");
      invocation.show({ file, charts }, ({ charts: shown }, paper) => chartsView(shown, paper));
    }
    if (charts.some(({ holds }) => !holds)) process.exitCode = 1;
  },
});
