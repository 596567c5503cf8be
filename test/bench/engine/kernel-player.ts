import { createActor } from "xstate";
import { parentPort, workerData } from "node:worker_threads";
import { start, step, type ActorRecord } from "../../../runtime/kernel.ts";
import { dayModel, participantDay } from "./participant-day.ts";

/** One way to bring a participant through its day, alone in a thread, so that no way spoils the compiler for another. */

export type Way = "resident" | "hot" | "cold";

export interface Cost {
  wallUs: number;
  cpuUs: number;
}

export interface Played extends Cost {
  /** JSON of the chart's state and context when the day is over. */
  end: string;
  events: number;
  /** Of all records' texts. */
  bytes: number;
}

const { machine, address, input } = dayModel;
const day = participantDay();
const createdAt = day[0]?.now ?? 0;
const created = start(machine, { address, input, now: createdAt }).record;

/** Returns the cost of the events alone; the creation is not measured. */
const players: Record<Way, () => Played> = {
  resident() {
    // A clock that does nothing spares the actor the timers a real one would pay for.
    const clock = { setTimeout: () => 0, clearTimeout: () => {} };
    const actor = createActor(machine, { input: { ...input, now: createdAt }, clock }).start();
    const events = day.map(({ event, now }) => ({ ...event, now }));
    const cost = measure(() => {
      for (const event of events) actor.send(event);
    });
    const { value, context } = actor.getSnapshot();
    return { ...cost, end: JSON.stringify([value, context]), events: day.length, bytes: 0 };
  },
  hot() {
    let record = created;
    let bytes = 0;
    const cost = measure(() => {
      for (const { event, cause, now } of day) {
        ({ record } = step(machine, { address, record, event, cause, now }));
        bytes += JSON.stringify(record).length;
      }
    });
    return { ...cost, end: endOf(record), events: day.length, bytes };
  },
  cold() {
    let text = JSON.stringify(created);
    let bytes = 0;
    const cost = measure(() => {
      for (const { event, cause, now } of day) {
        const record = JSON.parse(text) as ActorRecord;
        text = JSON.stringify(step(machine, { address, record, event, cause, now }).record);
        bytes += text.length;
      }
    });
    return { ...cost, end: endOf(JSON.parse(text) as ActorRecord), events: day.length, bytes };
  },
};

function endOf({ snapshot }: ActorRecord): string {
  return JSON.stringify([snapshot["value"], snapshot["context"]]);
}

function measure(work: () => void): Cost {
  const cpu = process.threadCpuUsage();
  const begun = process.hrtime.bigint();
  work();
  const wallUs = Number(process.hrtime.bigint() - begun) / 1_000;
  const { user, system } = process.threadCpuUsage(cpu);
  return { wallUs, cpuUs: user + system };
}

const way = workerData as Way;
parentPort?.on("message", (days: number) => {
  const played = Array.from({ length: days }, players[way]);
  parentPort?.postMessage(played);
});
