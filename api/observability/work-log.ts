import type { EngineRecord } from "../../machines/records.ts";
import { errorCodes, isRouseError } from "../../runtime/errors.ts";
import type { ClaimedEffect, TurnCommit } from "../../runtime/store.ts";
import type { Log } from "./log.ts";
import { codeOf, type CalledOperation } from "./operation-metrics.ts";
import type { EndedEffect, StoreObserver } from "./store-observer.ts";
import { carrierIn, traceIdOf } from "./trace-carrier.ts";

/** Log lines about the engine's work that a person may have to look at, with the actor's and the trace's ids. */
export function logWork(log: Log): StoreObserver {
  return {
    committed({ commits }) {
      for (const commit of commits) logCommit(log, commit);
    },
    effectEnded(ended) {
      logEffect(log, ended);
    },
    effectLost(effect) {
      log.debug(effectFields(effect), "effect withdrawn or taken over");
    },
  };
}

function logCommit(log: Log, { actor, records, deadLetters, consumed }: TurnCommit): void {
  if (records.length === 0 && deadLetters.length === 0) return;
  const fields = { actor: actor.address, ...traceOf(consumed.map(({ event }) => event)) };
  for (const { mail, error } of deadLetters) {
    log.error({ ...fields, event: mail.event.type, error }, "event set aside, actor quarantined");
  }
  for (const record of records) logRecord(log, record, fields);
}

function logRecord(log: Log, { type, params }: EngineRecord, fields: object): void {
  if (type === "escalation.raised") {
    const { threadId, agentId, reason, detail } = params;
    log.warn({ ...fields, thread: threadId, agent: agentId, reason, detail }, "escalated");
  }
  if (type === "wake.closed") {
    const { wakeId, outcome, reason } = params;
    log.debug({ ...fields, wake: wakeId, outcome, reason }, "wake ended");
  }
}

function logEffect(log: Log, { effect, outcome, durationMs }: EndedEffect): void {
  const fields = { ...effectFields(effect), duration_ms: Math.round(durationMs) };
  if (outcome.status === "done") return log.debug(fields, "effect done");
  const { error } = outcome;
  // A node that drains hands its work back: that is no failure.
  const isQuiet = outcome.status === "retry" && (error.code === "draining" || error.code === "lease_lost");
  log[isQuiet ? "debug" : "warn"]({ ...fields, outcome: outcome.status, error }, "effect failed");
}

function effectFields({ lease, port, attempt, correlation, input }: ClaimedEffect): object {
  return { actor: lease.address, port, attempt, correlation, ...traceOf([input]) };
}

function traceOf(carriers: readonly unknown[]): { trace_id?: string } {
  const carrier = carriers.map((each) => carrierIn(each, 0)).find((each) => each !== null);
  return carrier === undefined ? {} : { trace_id: traceIdOf(carrier) };
}

/** Calls at level debug, refused ones at info; failures of ours are logged where they are answered. */
export function logCalls(log: Log): (call: CalledOperation) => void {
  return ({ operation, caller, surface, durationMs, result, error }) => {
    const code = result === null ? codeOf(error) : "ok";
    const fields = { operation: operation.name, agent: caller.agentId, role: caller.role, surface, code };
    const timed = { ...fields, duration_ms: Math.round(durationMs) };
    const isRefused = isRouseError(error) && errorCodes[error.code].status < 500;
    log[isRefused ? "info" : "debug"](timed, isRefused ? "call refused" : "call");
  };
}
