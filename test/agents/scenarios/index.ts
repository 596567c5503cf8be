import { killedInTurn, nodeKilled, paneKilled, sessionGone, sessionResumable, usageLimited } from "./ends.ts";
import { copyMode, draftPresent, permission, trust, typing } from "./person.ts";
import type { Scenario } from "./scenario.ts";
import { burst, conversation, wakeBusy, wakeIdle } from "./wakes.ts";

export const scenarios: readonly Scenario[] = [
  ...[wakeIdle, wakeBusy, burst],
  ...[draftPresent, typing, permission, trust, copyMode],
  ...[paneKilled, killedInTurn, sessionResumable, sessionGone, usageLimited],
  conversation,
  ...nodeKilled,
];
