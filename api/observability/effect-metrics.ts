import { deferReasons, hopReasons } from "../../machines/reasons.ts";
import type { EffectOutcome } from "../../runtime/store.ts";
import { effectSeconds } from "./buckets.ts";
import { inSeconds, known, type MetricMaker } from "./metric.ts";
import type { StoreObserver } from "./store-observer.ts";

/** Ports whose verdict says whether an agent was reached. */
const wakePorts = ["deliverWake", "resumeSession", "spawnSession"];
const verdicts = ["delivered", "unconfirmed", "deferred", "refused", "started"];
const reasons: readonly string[] = [...deferReasons, ...hopReasons];

/** Outside work: attempts by port and outcome, and what came of each delivery. */
export function effectMetrics(maker: MetricMaker, ports: readonly string[]): StoreObserver {
  const outcomes = maker.counter(
    "rouse_effects_total",
    "Attempts of outside work that ended, by outcome: done, failed, retry, uncertain, or lost (withdrawn or taken over).",
    ["port", "outcome"],
  );
  for (const port of ports) {
    for (const outcome of ["done", "failed", "retry", "uncertain", "lost"])
      outcomes.inc({ port, outcome }, 0);
  }
  const seconds = maker.histogram(
    "rouse_effect_seconds",
    "Time of one attempt, from its claim to its record.",
    {
      buckets: effectSeconds,
      labelNames: ["port"],
    },
  );
  const deliveries = maker.counter(
    "rouse_deliveries_total",
    "Attempts to reach an agent, by verdict; failed, refused and deferred ones with their reason.",
    ["port", "verdict", "reason"],
  );
  return {
    effectEnded({ effect: { port }, outcome, durationMs }) {
      outcomes.inc({ port, outcome: outcome.status });
      seconds.observe({ port }, inSeconds(durationMs));
      if (wakePorts.includes(port) && outcome.status !== "retry")
        deliveries.inc({ port, ...verdictOf(outcome) });
    },
    effectLost({ port }) {
      outcomes.inc({ port, outcome: "lost" });
    },
  };
}

function verdictOf(outcome: EffectOutcome): { verdict: string; reason: string } {
  if (outcome.status !== "done") return { verdict: outcome.status, reason: failureReason(outcome) };
  const { verdict, reason } = outcome.output as { verdict?: unknown; reason?: unknown };
  return { verdict: known(verdicts, verdict), reason: reason === undefined ? "" : known(reasons, reason) };
}

/** An error's code: a closed list too. */
function failureReason(outcome: Exclude<EffectOutcome, { status: "done" }>): string {
  return outcome.error.code;
}
