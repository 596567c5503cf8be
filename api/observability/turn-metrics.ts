import { errorCodes, isRouseError } from "../../runtime/errors.ts";
import { mailWaitSeconds, timerLateSeconds, turnActors, turnSeconds } from "./buckets.ts";
import { inSeconds, startAtZero, type MetricMaker } from "./metric.ts";
import type { StoreObserver } from "./store-observer.ts";

/** Batches of turns and the mail they took. */
export function turnMetrics(maker: MetricMaker): StoreObserver {
  const turns = maker.histogram("rouse_turn_seconds", "Time of a batch of turns, from claim to commit.", {
    buckets: turnSeconds,
  });
  const actors = maker.histogram("rouse_turn_actors", "Actors moved by one batch of turns.", {
    buckets: turnActors,
  });
  const wait = maker.histogram("rouse_mail_wait_seconds", "Time that mail waited until its turn began.", {
    buckets: mailWaitSeconds,
  });
  return {
    committed({ isTurn, commits, now, durationMs }) {
      if (!isTurn) return;
      turns.observe(inSeconds(durationMs));
      actors.observe(commits.length);
      for (const { sentAt } of commits.flatMap(({ consumed }) => consumed))
        wait.observe(inSeconds(now - sentAt));
    },
  };
}

export function timerMetrics(maker: MetricMaker): StoreObserver {
  const fired = maker.counter("rouse_timers_fired_total", "Timers that fired.");
  const late = maker.histogram(
    "rouse_timer_late_seconds",
    "How late the earliest due timer of a pass fired.",
    {
      buckets: timerLateSeconds,
    },
  );
  return {
    timersFired(n, lateMs) {
      fired.inc(n);
      if (lateMs !== null) late.observe(inSeconds(lateMs));
    },
  };
}

/** Calls to the store that did not do what they were to do. */
export function storeErrorMetrics(maker: MetricMaker): StoreObserver {
  const conflicts = maker.counter(
    "rouse_turn_conflicts_total",
    "Transactions undone because another one was faster; each is tried again.",
    ["work"],
  );
  const errors = maker.counter(
    "rouse_database_errors_total",
    "Calls to the store that failed, by error code.",
    ["code"],
  );
  startAtZero(conflicts, ["turn", "command"]);
  startAtZero(errors, ["internal", "database_unavailable", "commit_outcome_unknown"]);
  return {
    failed(error, isTurn) {
      if (isRouseError(error, "conflict")) return conflicts.inc({ work: isTurn ? "turn" : "command" });
      const code = isRouseError(error) ? error.code : "internal";
      // The others are answers to a caller.
      if (errorCodes[code].status >= 500) errors.inc({ code });
    },
  };
}
