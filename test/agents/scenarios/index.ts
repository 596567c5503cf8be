import {
  killedInTurn,
  limitReset,
  nodeAway,
  nodeKilled,
  paneKilled,
  sessionGone,
  sessionResumable,
  usageLimited,
} from "./ends.ts";
import { copyMode, draftPresent, permission, trust, typing } from "./person.ts";
import type { Scenario } from "./scenario.ts";
import { nodeKilledAnswering, promptAnswered, promptChanged, trustAnswered } from "./prompts.ts";
import { burst, conversation, wakeBusy, wakeIdle } from "./wakes.ts";

/** The most telling first: a run that has little time plays those. */
export const scenarios: readonly Scenario[] = [
  ...[wakeIdle, draftPresent, permission, killedInTurn],
  ...nodeKilled,
  ...[promptAnswered, promptChanged, trustAnswered, nodeKilledAnswering],
  ...[wakeBusy, burst, typing, trust, copyMode],
  ...[sessionResumable, paneKilled, sessionGone, nodeAway, conversation, usageLimited, limitReset],
];
