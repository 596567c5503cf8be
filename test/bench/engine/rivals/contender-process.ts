import { Script, type Contender, type ContenderOptions } from "./contender.ts";
import { openDbos } from "./dbos.ts";
import { openGraphileWorker } from "./graphile-worker.ts";
import { openPgBoss } from "./pg-boss.ts";
import { openRestate } from "./restate.ts";
import { openRouse } from "./rouse.ts";

/** One contender in a process of its own: `contender-process.ts NAME URL ACTORS`. Does what its parent asks. */

const contenders: Record<string, (options: ContenderOptions) => Promise<Contender>> = {
  rouse: openRouse,
  "pg-boss": openPgBoss,
  "graphile-worker": openGraphileWorker,
  dbos: openDbos,
  restate: openRestate,
};

export type Question =
  | { type: "throughput"; seconds: number; wave: number }
  | { type: "latency"; samples: number; command: boolean }
  | { type: "close" };

export type Answer =
  | { type: "ready"; version: string }
  | { type: "throughput"; events: number; ms: number; cpuMs: number }
  | { type: "latency"; ms: number[] }
  | { type: "closed" }
  | { type: "failed"; reason: string };

const [, , name = "", url = "", actorCount = "0"] = process.argv;
const actors = Number(actorCount);
const script = new Script(actors);

function say(answer: Answer): void {
  process.send?.(answer);
}

function failed(error: unknown): void {
  say({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
}

async function answer(contender: Contender, question: Question): Promise<void> {
  switch (question.type) {
    case "throughput":
      return say(await throughput(contender, question));
    case "latency":
      return say({ type: "latency", ms: await latency(contender, question) });
    case "close":
      await contender.close();
      say({ type: "closed" });
      return process.exit(0);
  }
}

/** Whole waves, until the time is over: each ends when its last event is committed. */
async function throughput(
  contender: Contender,
  { seconds, wave }: { seconds: number; wave: number },
): Promise<Answer> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  let events = 0;
  do {
    await contender.take(script.take(Math.min(wave, actors)));
    events += Math.min(wave, actors);
  } while (performance.now() - startedAt < seconds * 1_000);
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - startedAt;
  return { type: "throughput", events, ms, cpuMs: (user + system) / 1_000 };
}

async function latency(
  contender: Contender,
  { samples, command }: { samples: number; command: boolean },
): Promise<number[]> {
  const times: number[] = [];
  for (const mail of script.take(samples)) {
    const startedAt = performance.now();
    await (command ? contender.commandOne?.(mail) : contender.takeOne(mail));
    times.push(performance.now() - startedAt);
  }
  return times;
}

process.on("uncaughtException", failed);
process.on("unhandledRejection", failed);
// Not left to the default: servers that a contender started are ended when the process exits by itself.
process.on("disconnect", () => process.exit(1));
process.on("SIGTERM", () => process.exit(1));
const open = contenders[name];
if (open === undefined) throw new Error(`no contender is named ${name}`);
try {
  const contender = await open({ url, actors });
  process.on("message", (question: Question) => {
    answer(contender, question).catch(failed);
  });
  say({ type: "ready", version: contender.version });
} catch (error) {
  failed(error);
}
