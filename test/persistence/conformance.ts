import { auditConforms } from "./conformance/audit.ts";
import { chartsConform } from "./conformance/charts.ts";
import { effectsConform } from "./conformance/effects.ts";
import { failureConforms } from "./conformance/failure.ts";
import { operationsConform } from "./conformance/operations.ts";
import type { OpenStore } from "./conformance/subject.ts";
import { threadsConform } from "./conformance/threads.ts";
import { timersConform } from "./conformance/timers.ts";
import { tokensConform } from "./conformance/tokens.ts";
import { turnsConform } from "./conformance/turns.ts";

/** What every store does. Each test takes a workspace of its own. */
export function storeConforms(open: OpenStore): void {
  turnsConform(open);
  timersConform(open);
  effectsConform(open);
  failureConforms(open);
  chartsConform(open);
  threadsConform(open);
  operationsConform(open);
  tokensConform(open);
  auditConforms(open);
}
