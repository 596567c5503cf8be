import type { EngineRecord, EngineRecords } from "../../machines/records.ts";
import { raiseEscalations } from "./escalations.ts";
import { inFlight } from "./flight.ts";
import type { Scope } from "./scope.ts";
import { changeThreadStatuses } from "./threads.ts";
import { acknowledgeWakes, closeWakes, openWakes } from "./wakes.ts";

/** Applies what charts wrote down. By type: within one wake the order opened, acknowledged, closed is the only one. */
export async function applyRecords(scope: Scope, records: readonly EngineRecord[]): Promise<void> {
  await inFlight([
    openWakes(scope, paramsOf(records, "wake.opened")),
    acknowledgeWakes(scope, paramsOf(records, "wake.acknowledged")),
    closeWakes(scope, paramsOf(records, "wake.closed")),
    changeThreadStatuses(scope, paramsOf(records, "thread.statusChanged")),
    raiseEscalations(scope, paramsOf(records, "escalation.raised")),
  ]);
}

function paramsOf<Type extends keyof EngineRecords>(
  records: readonly EngineRecord[],
  type: Type,
): EngineRecords[Type][] {
  return records.flatMap((record) => (record.type === type ? [record.params as EngineRecords[Type]] : []));
}
