import { attachCommand } from "./commands/attach.ts";
import { Chronicle } from "./demo/chronicle.ts";
import { collectFindings } from "./demo/findings.ts";
import { Interruption } from "./demo/interruption.ts";
import { Printer } from "./demo/printer.ts";
import { receiptTable, type Receipt } from "./demo/receipts.ts";
import { Scene } from "./demo/scene.ts";
import { Stage } from "./demo/stage.ts";
import { expectedPosts, players, playStory } from "./demo/story.ts";
import { judge, type Check } from "./demo/verdict.ts";
import { failureOf } from "./failure.ts";
import { paperOf, type Paper } from "./render/paper.ts";
import { processSurroundings } from "./surroundings.ts";

/** Plays the main job in a temporary home with real terminals and a real Postgres, and checks it from outside. */

export interface DemoOptions {
  keep: boolean;
  json: boolean;
  /** Null: tmux where there is one, else our own PTY. */
  backend: "tmux" | "pty" | null;
}

interface Result {
  ok: boolean;
  /** Gone again, unless it is kept. */
  home: string;
  backend: string | null;
  seconds: number;
  /** Why the play was cut short, or null. */
  failure: string | null;
  checks: readonly Check[];
  /** Every reason for which a wake waited, as `agent reason`. */
  deferrals: readonly string[];
  receipts: readonly Receipt[];
  timeline: readonly { at: number; actor: string; what: string }[];
}

const threadId = "demo";
const playEndsWithinMs = 180_000;
/** Shorter than in earnest, so that a minute is enough. */
const wakePolicy = { quietWindowMs: 2_000, deferRecheckMs: 1_000, startAckTimeoutMs: 30_000 };

/** Returns the exit code: 0 only when nothing was lost or doubled. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const surroundings = processSurroundings();
  const paper = paperOf(surroundings);
  // With --json, standard output is for the result alone.
  const write = options.json ? () => {} : surroundings.out;
  const printer = new Printer(paper, write);
  const interruption = new Interruption();
  const stage = await prepareStage(options, printer);
  let result: Result | null = null;
  try {
    result = await play(stage, printer, interruption);
    write(reportText(result, paper));
  } finally {
    const isKept = options.keep && !interruption.hasCome;
    if (isKept) await tellHowToLook(stage, printer);
    else await clear(stage, printer);
    interruption.dispose();
  }
  if (options.json) surroundings.out(`${JSON.stringify(result, null, 2)}\n`);
  if (interruption.hasCome) return interruption.exitCode;
  return result.ok ? 0 : 1;
}

async function prepareStage({ backend }: DemoOptions, printer: Printer): Promise<Stage> {
  printer.text(
    "Rouse demo: an executioner and a reviewer, each a program in a terminal of its own.",
    "strong",
  );
  const terminal = backend === null ? {} : { terminal: backend };
  const config = { logLevel: "info", wake: wakePolicy, ...terminal };
  const stage = await Stage.prepare({ config, onProgress: (step) => printer.text(`  … ${step}`, "faint") });
  const { quietWindowMs, deferRecheckMs } = wakePolicy;
  printer.text(
    `  home ${stage.home}; shorter waits than in earnest: a person counts as present for`,
    "faint",
  );
  printer.text(
    `  ${quietWindowMs} ms after a key stroke, a wake that waits looks again after ${deferRecheckMs} ms`,
    "faint",
  );
  return stage;
}

async function play(stage: Stage, printer: Printer, interruption: Interruption): Promise<Result> {
  const agents = players.map(({ agentId }) => agentId);
  const chronicle = new Chronicle(stage, agents, (line) => printer.line(line));
  let failure: string | null = null;
  let startedAt = performance.now();
  try {
    await interruption.orElse(stage.startNode());
    printer.begin();
    startedAt = performance.now();
    const deadline = AbortSignal.any([AbortSignal.timeout(playEndsWithinMs), interruption.signal]);
    await interruption.orElse(playStory(new Scene({ stage, chronicle, threadId, deadline })));
  } catch (error) {
    failure = failureOf(error).message;
    if (!interruption.hasCome) await explainAll(stage, printer, agents);
  }
  const backend = chronicle.runtimes[0]?.backend ?? null;
  const found = interruption.hasCome ? null : await collect(stage);
  const checks = found?.checks ?? [];
  return {
    ok: failure === null && checks.length > 0 && checks.every(({ problems }) => problems.length === 0),
    home: stage.home,
    backend,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    failure,
    checks,
    deferrals: [...chronicle.deferrals],
    receipts: found?.receipts ?? [],
    timeline: chronicle.lines.map(({ at, actor, what }) => ({ at, actor, what })),
  };
}

async function collect(stage: Stage): Promise<{ checks: Check[]; receipts: readonly Receipt[] } | null> {
  try {
    const findings = await collectFindings(stage, { threadId, players, expectedPosts });
    return { checks: judge(findings), receipts: findings.receipts };
  } catch {
    // The node is not there, or the thread never came to be: the failure says so already.
    return null;
  }
}

/** Who is where, and why. */
async function explainAll(stage: Stage, printer: Printer, agents: readonly string[]): Promise<void> {
  for (const agent_id of agents) {
    try {
      const { explanations } = await stage.call("explain", { agent_id, thread_id: threadId });
      for (const { sentence, next } of explanations) printer.text(`  ${sentence} ${next}`, "warning");
    } catch (error) {
      printer.text(`  ${agent_id}: ${failureOf(error).message}`, "warning");
    }
  }
}

function reportText(result: Result, paper: Paper): string {
  const { receipts, checks, failure, seconds, backend } = result;
  const printed: string[] = [];
  const printer = new Printer(paper, (text) => printed.push(text));
  if (failure !== null) printer.text(`\nThe play was cut short: ${failure}`, "bad");
  if (receipts.length > 0) {
    printer.text("\nThe receipt of every wake (times from the post that caused it)", "strong");
    printed.push(receiptTable(receipts, paper));
  }
  if (checks.length > 0) printer.text("\nChecked from outside", "strong");
  for (const { name, problems } of checks) {
    const isWell = problems.length === 0;
    printer.text(`  ${isWell ? "✓" : "✗"} ${name}`, isWell ? "good" : "bad");
    for (const problem of problems) printer.text(`      ${problem}`, "bad");
  }
  if (checks.length === 0) return printed.join("");
  const verdict = result.ok ? "Nothing was lost, nothing was doubled" : "Not all is well";
  printer.text(
    `\n${verdict}: ${receipts.length} wakes in ${seconds} s (terminals: ${backend ?? "none"}).`,
    result.ok ? "good" : "bad",
  );
  return printed.join("");
}

async function clear(stage: Stage, printer: Printer): Promise<void> {
  printer.text("Clearing up: agents, terminals, node, database and home.", "faint");
  const left = await stage.clear();
  if (left.length === 0) return;
  throw new Error(`these processes did not end: ${left.join("; ")}`);
}

async function tellHowToLook(stage: Stage, printer: Printer): Promise<void> {
  const { runtimes } = await stage.call("list_runtimes", { limit: 100 });
  const living = runtimes.filter(({ state }) => state !== "dead" && state !== "deregistered");
  printer.text(`\nEverything goes on running at ${stage.node.url}. Look at it with`, "strong");
  printer.text(`  export ROUSE_HOME=${stage.home}`);
  printer.text(`  rouse status; rouse thread show ${threadId}`);
  for (const runtime of living) printer.text(`  ${attachCommand(runtime).join(" ")}   # ${runtime.agent_id}`);
  printer.text("and end it with", "strong");
  for (const { runtime_id } of living) printer.text(`  rouse runtime stop ${runtime_id} --reason done`);
  printer.text(`  rouse down; rm -r ${stage.home}`);
}
