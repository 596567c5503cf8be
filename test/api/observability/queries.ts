import { parser } from "@prometheus-io/lezer-promql";
import { parse } from "yaml";

/** What a page of `/metrics` offers: every series name with the labels it was seen with. */
export type Offered = ReadonlyMap<string, ReadonlySet<string>>;

export function offeredBy(page: string): Offered {
  const offered = new Map<string, Set<string>>();
  for (const line of page.split("\n")) {
    const type = /^# TYPE (?<name>\S+) (?<type>\S+)$/u.exec(line)?.groups;
    if (type !== undefined) {
      const { name = "" } = type;
      const series = type["type"] === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      for (const suffix of series) offered.set(`${name}${suffix}`, new Set());
    }
    const sample = /^(?<name>[a-z_][\w:]*)(?:\{(?<labels>.*)\})? \S+$/iu.exec(line)?.groups;
    for (const [, label = ""] of (sample?.["labels"] ?? "").matchAll(/(?:^|,)(\w+)="/gu)) {
      offered.get(sample?.["name"] ?? "")?.add(label);
    }
  }
  return offered;
}

/** Added by Prometheus itself when it scrapes. */
const prometheusOwn = new Map([["up", new Set<string>()]]);
const scrapeLabels = new Set(["instance", "job"]);

/** Queries that are no PromQL, or that name a series or label that the page does not have. */
export function problemsOf(query: string, offered: Offered): string[] {
  const text = query.replaceAll("$__rate_interval", "5m");
  const problems: string[] = [];
  const labels = new Set<string>();
  const names = new Set<string>();
  parser.parse(text).iterate({
    enter(node) {
      const said = text.slice(node.from, node.to);
      if (node.type.isError) problems.push(`no PromQL at ${node.from}: ${text}`);
      if (node.name === "LabelName") labels.add(said);
      if (node.name === "Identifier") names.add(said);
    },
  });
  const known = new Set(scrapeLabels);
  for (const name of names) {
    const found = offered.get(name) ?? prometheusOwn.get(name);
    if (found === undefined) problems.push(`no metric ${name}: ${text}`);
    for (const label of found ?? []) known.add(label);
  }
  for (const label of labels) if (!known.has(label)) problems.push(`no label ${label}: ${text}`);
  return problems;
}

interface Dashboard {
  panels: { title: string; gridPos: { x: number; w: number }; targets?: { expr: string }[] }[];
}

export function dashboardQueries(json: string): string[] {
  return (JSON.parse(json) as Dashboard).panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr),
  );
}

export interface AlertRule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}

export function alertRules(yaml: string): AlertRule[] {
  const { groups } = parse(yaml) as { groups: { rules: AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}
