import { escalationReasons } from "../../machines/reasons.ts";
import type { JournalEntry, TurnCommit } from "../../runtime/store.ts";
import { known, startAtZero, type MetricMaker } from "./metric.ts";
import type { StoreObserver } from "./store-observer.ts";

/** Events and transitions by machine. */
export function eventMetrics(maker: MetricMaker, machines: readonly string[]): StoreObserver {
  const events = maker.counter("rouse_events_total", "Events that actors were given, by what came of them.", [
    "machine",
    "result",
  ]);
  const transitions = maker.counter("rouse_transitions_total", "Transitions taken.", ["machine"]);
  const deadLetters = maker.counter(
    "rouse_dead_letters_total",
    "Events set aside because their actor failed on them.",
    ["machine"],
  );
  for (const each of [transitions, deadLetters]) startAtZero(each, machines);
  return {
    committed({ commits }) {
      for (const [machine, tally] of tallied(commits)) {
        transitions.inc({ machine }, tally.transitions);
        if (tally.deadLetters > 0) deadLetters.inc({ machine }, tally.deadLetters);
        for (const [result, n] of tally.results) events.inc({ machine, result }, n);
      }
    },
  };
}

const loopReasons = ["loopNoProgress", "loopRepeatedFinding"];

/** Messages, and what people are called for. */
export function conversationMetrics(maker: MetricMaker): StoreObserver {
  const posted = maker.counter("rouse_messages_posted_total", "Messages posted, by their kind.", ["kind"]);
  const escalations = maker.counter("rouse_escalations_total", "Escalations to people, by reason.", [
    "reason",
  ]);
  const loops = maker.counter("rouse_loop_guards_total", "Threads blocked because they went in circles.", [
    "reason",
  ]);
  startAtZero(escalations, escalationReasons);
  startAtZero(loops, loopReasons);
  return {
    committed({ messages, commits }) {
      for (const { kind } of messages) posted.inc({ kind });
      for (const { type, params } of commits.flatMap(({ records }) => records)) {
        if (type !== "escalation.raised") continue;
        const { agentId, reason } = params;
        escalations.inc({ reason });
        if (agentId === null && loopReasons.includes(reason)) loops.inc({ reason });
      }
    },
  };
}

interface Tally {
  transitions: number;
  deadLetters: number;
  results: Map<string, number>;
}

/** Summed first: a batch is hundreds of events, and each increment of a labelled counter has its price. */
function tallied(commits: readonly TurnCommit[]): Map<string, Tally> {
  const tallies = new Map<string, Tally>();
  for (const { actor, journal, deadLetters } of commits) {
    const tally = tallies.get(actor.kind) ?? {
      transitions: 0,
      deadLetters: 0,
      results: new Map<string, number>(),
    };
    tallies.set(actor.kind, tally);
    tally.deadLetters += deadLetters.length;
    for (const entry of journal) {
      tally.transitions += entry.transitions.length;
      const result = resultOf(entry);
      tally.results.set(result, (tally.results.get(result) ?? 0) + 1);
    }
  }
  return tallies;
}

const drops = ["finished", "staleInvoke", "staleTimer", "reservedEvent", "poison"];

function resultOf({ seq, dropped, transitions }: JournalEntry): string {
  if (dropped !== null) return known(drops, dropped);
  return seq === 1 || transitions.length > 0 ? "taken" : "unmatched";
}
