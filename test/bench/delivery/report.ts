import { quantiles, type Quantiles } from "../quantiles.ts";
import { readPage, replaceSection, writePage } from "../page.ts";
import { interferences } from "./interference.ts";
import type { Wake } from "./play.ts";

/** The fields up to `model_request_ms` are fixed: others read them. */
export interface KindFigures {
  n: number;
  lost: number;
  doubled: number;
  typed_into_dialog: number;
  draft_damaged: number;
  /** Post sent → submitted, of wakes that nothing disturbed. */
  submitted_ms: Quantiles;
  /** Post sent → first request to the model that shows the wake, of the same. */
  model_request_ms: Quantiles;
  /** Of all, persons' pauses and our own restarts included. */
  all_submitted_ms: Quantiles;
  all_model_request_ms: Quantiles;
  /** Wakes told again after the ack timeout because their turn ended without reading. */
  rewoken: number;
  /** Wakes of each interference. */
  interference: Record<string, number>;
}

export interface DeliveryDetails {
  command: string;
  date: string;
  duration_s: number;
  seed: string;
  cores: number;
  versions: Record<string, string>;
}

export interface DeliveryReport {
  /** By the kind's name. */
  kinds: Record<string, KindFigures>;
  details: DeliveryDetails;
}

export function figuresOf(wakes: readonly Wake[]): KindFigures {
  const sum = (count: (wake: Wake) => number): number => wakes.reduce((all, wake) => all + count(wake), 0);
  const calm = wakes.filter(({ interference }) => interference === "none");
  return {
    n: wakes.length,
    lost: sum(({ lost }) => Number(lost)),
    doubled: sum(({ doubled }) => doubled),
    typed_into_dialog: sum(({ typedIntoDialog }) => Number(typedIntoDialog)),
    draft_damaged: sum(({ draftDamaged }) => Number(draftDamaged)),
    submitted_ms: times(calm, "submittedAt"),
    model_request_ms: times(calm, "toldAt"),
    all_submitted_ms: times(wakes, "submittedAt"),
    all_model_request_ms: times(wakes, "toldAt"),
    rewoken: sum(({ rewoken }) => rewoken),
    interference: Object.fromEntries(
      Object.keys(interferences).map((name) => [
        name,
        wakes.filter(({ interference }) => interference === name).length,
      ]),
    ),
  };
}

function times(wakes: readonly Wake[], end: "submittedAt" | "toldAt"): Quantiles {
  return quantiles(
    wakes.flatMap((wake) => {
      const at = wake[end];
      return at === null ? [] : [at - wake.postedAt];
    }),
  );
}

/** Anything but a clean sheet. */
export function hasFailed({ kinds }: DeliveryReport): boolean {
  return Object.values(kinds).some(
    ({ lost, doubled, typed_into_dialog, draft_damaged }) =>
      lost + doubled + typed_into_dialog + draft_damaged > 0,
  );
}

export function tableOf({ kinds }: DeliveryReport): string {
  const cell = ({ p50, p95, p99 }: Quantiles): string =>
    [p50, p95, p99].map((ms) => (Number.isNaN(ms) ? "–" : Math.round(ms).toLocaleString("en"))).join(" / ");
  const rows: [string, (figures: KindFigures) => string | number][] = [
    ["wakes", ({ n }) => n],
    ["lost", ({ lost }) => lost],
    ["doubled", ({ doubled }) => doubled],
    ["typed into a dialog", (figures) => figures.typed_into_dialog],
    ["draft damaged", (figures) => figures.draft_damaged],
    ["told again after the ack timeout, for nobody had read", ({ rewoken }) => rewoken],
    ["undisturbed: post → submitted, p50 / p95 / p99 ms", (figures) => cell(figures.submitted_ms)],
    ["undisturbed: post → request to the model", (figures) => cell(figures.model_request_ms)],
    ["all: post → submitted", (figures) => cell(figures.all_submitted_ms)],
    ["all: post → request to the model", (figures) => cell(figures.all_model_request_ms)],
    ...Object.keys(interferences).map((name): (typeof rows)[number] => [
      `rounds with: ${name}`,
      ({ interference }) => interference[name] ?? 0,
    ]),
  ];
  const lines = [
    ["figure", ...Object.keys(kinds)],
    ["---", ...Object.keys(kinds).map(() => "---")],
    ...rows.map(([name, of]) => [name, ...Object.values(kinds).map((figures) => String(of(figures)))]),
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function withDeliverySection(text: string, report: DeliveryReport): string {
  const { command, date, duration_s: seconds, cores, seed, versions } = report.details;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const said = `\`${command}\`, ${date.slice(0, 10)}, ${seconds} s, ${cores} cores, ${programs.join(" and ")} side by side, seed \`${seed}\`.`;
  return replaceSection(text, "delivery", `${said}\n\n${tableOf(report)}`);
}

export function writeDeliveryDocs(report: DeliveryReport): void {
  writePage(withDeliverySection(readPage(), report));
}
