import type { Verdict } from "./verdict.ts";

export interface Report {
  suite: string;
  fixture: readonly Verdict[];
  server: readonly Verdict[];
  /** Scenarios that the suite runs without scoring them, by revision. */
  unscored: readonly { scenario: string; revision: string; reason: string; passes: boolean }[];
}

/** docs/mcp-conformance.md. */
export function conformanceReport({ suite, fixture, server, unscored }: Report): string {
  return [
    "# MCP conformance",
    "",
    "Generated from runs of the official suite: `npx vitest run test/api/mcp/conformance.test.ts -u` writes it, and the same test keeps it true.",
    "",
    `Suite: \`@modelcontextprotocol/conformance\` ${suite}, every server scenario that it requires for a revision of the protocol, over HTTP.`,
    "A warning of the suite counts as a failure here.",
    "",
    ...counted("## Our wiring", fixture),
    "",
    "The HTTP server, the token check and both adapters of the protocol as they are in production, around a fixture that has the tools, resources and prompts which the scenarios call.",
    "One switch differs: the fixture answers the earlier era as a stream of events, since it reports progress and logs; our tools report none and answer plain JSON.",
    "",
    ...table(fixture),
    "",
    ...counted("## Our server", server),
    "",
    "The real tools and resources on a real database. Most scenarios call things that only a fixture has; what they test of the wiring is tested above.",
    "",
    ...table(server),
    "",
    "## Run without being scored",
    "",
    "Scenarios that the suite itself does not require: extensions, and scenarios that are pending or newer than the revision. Run against our wiring.",
    "",
    ...rows(
      ["scenario", "revision", "result", "why it is not required"],
      unscored.map(({ scenario, revision, reason, passes }) => [
        `\`${scenario}\``,
        revision,
        passes ? "pass" : "not supported",
        reason,
      ]),
    ),
    "",
  ].join("\n");
}

function counted(title: string, verdicts: readonly Verdict[]): string[] {
  const count = (result: Verdict["result"]) => verdicts.filter((one) => one.result === result).length;
  const parts = [
    `${count("pass")} pass`,
    `${count("fail")} fail`,
    `${count("not applicable")} not applicable`,
  ];
  return [title, "", `${parts.join(", ")}.`];
}

function table(verdicts: readonly Verdict[]): string[] {
  return rows(
    ["scenario", "revision", "result", "note"],
    verdicts.map(({ scenario, revision, result, note }) => [`\`${scenario}\``, revision, result, note]),
  );
}

/** Aligned, as the formatter would write it. */
function rows(heading: readonly string[], body: readonly (readonly string[])[]): string[] {
  const all = [heading, ...body];
  const widths = heading.map((_, column) => Math.max(3, ...all.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(heading), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)];
}
