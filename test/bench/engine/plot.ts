import { measuredContenders, type EngineReport, type NamedContender } from "./report.ts";

/** A plot of two panels as SVG text: throughput, and latency from p50 to p99; readable on light and dark ground. */

const width = 760;
const left = 150;
const right = 40;
const rowHeight = 30;
const panelTop = 56;
const panelGap = 92;

// A ground of its own: where a viewer ignores the colour scheme, dark text would stand on a dark page.
const style = `
  .ground { fill: #ffffff; }
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .axis, .note { font-size: 12px; fill: #57606a; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .ours { fill: #0969da; } .theirs { fill: #8c959f; }
  .reach.ours { stroke: #0969da; } .reach.theirs { stroke: #8c959f; }
  .reach { stroke-width: 4; stroke-linecap: round; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; }
    text { fill: #e6edf3; }
    .axis, .note { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .ours { fill: #4493f8; } .theirs { fill: #7d8590; }
    .reach.ours { stroke: #4493f8; } .reach.theirs { stroke: #7d8590; }
  }`;

interface Scale {
  ticks: number[];
  x: (value: number) => number;
}

/** From one of 1, 2, 5, 10, 20 … below all values to one above them. */
function logScale(values: readonly number[]): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 12 }, (_, index) => 10 ** (index - 3));
  const steps = powers.flatMap((power) => [power, 2 * power, 5 * power]);
  const first = steps.findLastIndex((step) => step <= least);
  const last = steps.findIndex((step) => step >= most);
  const ticks = steps.slice(Math.max(0, first), Math.max(first + 1, last) + 1);
  const [from, to] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)];
  const x = (value: number): number =>
    left + ((Math.log10(value) - from) / (to - from)) * (width - left - right);
  return { ticks, x };
}

export function plotOf(report: EngineReport): string {
  const contenders = measuredContenders(report);
  if (contenders.length === 0)
    return svg(60, `<text class="note" x="20" y="34">No contender was measured.</text>`);
  const rows = contenders.length * rowHeight;
  const latencyTop = panelTop + rows + panelGap;
  const height = latencyTop + rows + 52;
  const { machine, date } = report.details;
  const caption = `${machine.cores} cores, Postgres ${machine.postgres} with fsync ${machine.fsync}, Node ${machine.node.slice(1)}, ${date.slice(0, 10)}`;
  return svg(
    height,
    `<text class="title" x="20" y="26">Durable events per second, more is better</text>
  <text class="axis" x="20" y="44">median of the rounds, line from the slowest to the fastest round; logarithmic</text>
${throughput(contenders, panelTop)}
  <text class="title" x="20" y="${latencyTop - 30}">Latency of one event in ms, less is better</text>
  <text class="axis" x="20" y="${latencyTop - 12}">submitted → transition committed, one at a time; dot p50, line to p99; logarithmic</text>
${latency(contenders, latencyTop)}
  <text class="note" x="20" y="${height - 8}">${escape(caption)}</text>`,
  );
}

function throughput(contenders: readonly NamedContender[], top: number): string {
  const scale = logScale(contenders.flatMap(({ rounds_events_per_s: rounds }) => rounds));
  return panel(
    { contenders, top, scale, unit: "events/s" },
    ({ events_per_s: value, rounds_events_per_s: rounds }) => ({
      from: Math.min(...rounds),
      dot: value,
      to: Math.max(...rounds),
      label: value.toLocaleString("en"),
    }),
  );
}

function latency(contenders: readonly NamedContender[], top: number): string {
  const scale = logScale(contenders.flatMap(({ latency_ms: { p50, p99 } }) => [p50, p99]));
  return panel({ contenders, top, scale, unit: "ms" }, ({ latency_ms: { p50, p99 } }) => ({
    from: p50,
    dot: p50,
    to: p99,
    label: `${p50} – ${p99}`,
  }));
}

interface Panel {
  contenders: readonly NamedContender[];
  top: number;
  scale: Scale;
  unit: string;
}

interface Mark {
  from: number;
  dot: number;
  to: number;
  label: string;
}

function panel({ contenders, top, scale, unit }: Panel, markOf: (each: NamedContender) => Mark): string {
  const bottom = top + contenders.length * rowHeight;
  const grid = scale.ticks.map((tick, index) => {
    const isLast = index === scale.ticks.length - 1;
    const text = isLast ? `${tick.toLocaleString("en")} ${unit}` : tick.toLocaleString("en");
    const x = round(scale.x(tick));
    return `  <line class="grid" x1="${x}" y1="${top}" x2="${x}" y2="${bottom}"/>
  <text class="axis" x="${isLast ? width - 8 : x}" y="${bottom + 16}" text-anchor="${isLast ? "end" : "middle"}">${text}</text>`;
  });
  const rows = contenders.map((each, index) => row(each.name, markOf(each), scale, top + index * rowHeight));
  return [...grid, ...rows].join("\n");
}

function row(name: string, { from, dot, to, label }: Mark, { x }: Scale, top: number): string {
  const middle = top + rowHeight / 2;
  const who = name === "Rouse" ? "ours" : "theirs";
  const end = round(x(to));
  // Beside the mark: right of it while there is room, else left of it.
  const fits = end + 110 < width;
  const at = fits ? end + 12 : round(x(from)) - 12;
  return `  <text x="${left - 14}" y="${middle + 4}" text-anchor="end">${escape(name)}</text>
  <line class="reach ${who}" x1="${round(x(from))}" y1="${middle}" x2="${end}" y2="${middle}"/>
  <circle class="${who}" cx="${round(x(dot))}" cy="${middle}" r="7"/>
  <text class="axis" x="${at}" y="${middle + 4}" text-anchor="${fits ? "start" : "end"}">${escape(label)}</text>`;
}

function svg(height: number, body: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
  <title>The engine and its rivals</title>
  <style>${style}
  </style>
  <rect class="ground" width="${width}" height="${height}" rx="6"/>
  ${body}
</svg>
`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
