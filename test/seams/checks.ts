import { worker } from "./stage.ts";
import type { History, PastAttempt, PastEntry, Remains } from "./history.ts";

/** Whether a history is one that may have happened. Pure. Each returned line is a violation. */

/** A post whose seq the node told its author. */
export interface AcknowledgedPost {
  key: string;
  input: { thread_id: string; body: string };
  seq: number;
}

export function findProblems(
  history: History,
  threadId: string,
  acknowledged: readonly AcknowledgedPost[],
): string[] {
  return [
    ...gapsInThreads(history),
    ...lostOrDoubledPosts(history, threadId, acknowledged),
    ...unauditedPosts(history),
    ...gapsInJournals(history),
    ...mailAppliedTwice(history),
    ...attemptsWithoutEnd(history),
    ...wakesWithoutEnd(history),
    ...doubledLines(history),
  ];
}

/** Invariant 2. */
function gapsInThreads({ messages }: History): string[] {
  return gaps(messages.map(({ threadId, seq }) => ({ owner: threadId, seq })));
}

/** Invariants 1 and 3: each acknowledged post is there once, at its place, and each of them has one answer. */
function lostOrDoubledPosts(
  { messages }: History,
  threadId: string,
  acknowledged: readonly AcknowledgedPost[],
): string[] {
  const inThread = messages.filter((message) => message.threadId === threadId);
  const problems = acknowledged.flatMap(({ input, seq }) => {
    const found = inThread.filter(({ body }) => body === input.body);
    const answers = inThread.filter(({ author, inReplyTo }) => author === worker && inReplyTo === seq);
    return [
      ...(found.length === 1 && found[0]?.seq === seq
        ? []
        : [
            `post: #${seq} was acknowledged, found at ${found.map((each) => `#${each.seq}`).join(", ") || "no place"}`,
          ]),
      ...(answers.length === 1 ? [] : [`post: #${seq} has ${answers.length} answers`]),
    ];
  });
  const expected = 2 * acknowledged.length;
  if (inThread.length !== expected) problems.push(`post: ${inThread.length} messages, expected ${expected}`);
  return problems;
}

/** Invariant 19. */
function unauditedPosts({ messages, auditedPosts }: History): string[] {
  const threads = [...new Set(messages.map(({ threadId }) => threadId))];
  return threads.flatMap((threadId) => {
    const posts = messages.filter((message) => message.threadId === threadId).length;
    const audited = auditedPosts.filter((subject) => subject === `thread/${threadId}`).length;
    return posts === audited ? [] : [`audit: ${audited} rows for ${posts} posts in ${threadId}`];
  });
}

/** Invariant 6, as far as it shows: an actor's version counts its journal. */
function gapsInJournals({ journal, versions }: History): string[] {
  const lengths = new Map<string, number>();
  for (const { address, seq } of journal) lengths.set(address, Math.max(seq, lengths.get(address) ?? 0));
  const wrong = [...versions].filter(([address, version]) => lengths.get(address) !== version);
  return [
    ...gaps(journal.map(({ address, seq }) => ({ owner: address, seq }))),
    ...wrong.map(
      ([address, version]) => `journal: ${address} is at ${version}, written to ${lengths.get(address) ?? 0}`,
    ),
  ];
}

/** Invariants 5 and 10: what can come once only was applied once. */
function mailAppliedTwice({ journal }: History): string[] {
  const applied = journal.filter(({ dropped }) => dropped === null).flatMap(onceOnlyKey);
  const seen = new Set<string>();
  return applied.flatMap((key) => {
    if (seen.has(key)) return [`mail: applied twice: ${key}`];
    seen.add(key);
    return [];
  });
}

/** A timer fires, and an effect ends, once in each incarnation; a message is announced to each actor once. */
function onceOnlyKey({ address, event, cause }: PastEntry): string[] {
  if (cause !== null) return [`${address} ${cause.type} ${cause.id} #${cause.incarnation}`];
  return event.type === "message.posted" ? [`${address} message ${String(event.seq)}`] : [];
}

/** Invariants 8 and 9: attempts of ended effects have ended, and a once-only effect was begun once at most. */
function attemptsWithoutEnd({ attempts }: History): string[] {
  const open = attempts.filter(({ finished, effectStatus }) => !finished && effectStatus !== "running");
  const begun = attempts.filter(({ started }) => started);
  const twice = begun.filter((one, index) => begun.findIndex((other) => isSameEffect(one, other)) !== index);
  return [
    ...open.map((attempt) => `effect: ${nameOf(attempt)} ended, its attempt ${attempt.attempt} did not`),
    ...twice.map((attempt) => `effect: ${nameOf(attempt)} was begun twice`),
  ];
}

/** Invariants 11 and 16. */
function wakesWithoutEnd({ wakes }: History): string[] {
  return wakes.flatMap(({ wakeId, outcome, acknowledgedBy, reason }) => {
    const isRead = outcome === "read" && acknowledgedBy !== null;
    const isVisiblyBlocked = outcome === "blocked" && reason !== null;
    if (isRead || isVisiblyBlocked || outcome === "withdrawn") return [];
    return [
      `wake: ${wakeId} ended as ${outcome ?? "nothing"}, acknowledged by ${acknowledgedBy ?? "nobody"}`,
    ];
  });
}

/** Invariant 9, told by the agents: a wake's line reached them at most once for each attempt to bring it. */
function doubledLines({ wakes, attempts, noted }: History): string[] {
  const known = new Set(wakes.map(({ wakeId }) => wakeId));
  const given = [...new Set(noted.map(({ wakeId }) => wakeId))];
  const upon = noted.filter(({ pointers }) => pointers > 1);
  return [
    ...given.filter((wakeId) => !known.has(wakeId)).map((wakeId) => `line: ${wakeId} is no wake of ours`),
    ...given.flatMap((wakeId) => {
      const times = noted.filter((each) => each.wakeId === wakeId).length;
      const brought = timesBrought(attempts.filter(({ correlation }) => correlation === wakeId));
      return times <= brought ? [] : [`line: ${wakeId} was given ${times} times, brought ${brought} times`];
    }),
    ...upon.map(({ wakeId, pointers }) => `line: ${pointers} lines were typed upon each other at ${wakeId}`),
  ];
}

/** Typing attempts that began, and programs that were started with the line as their first prompt. */
function timesBrought(attempts: readonly PastAttempt[]): number {
  const typed = attempts.filter(({ port, started }) => port === "deliverWake" && started).length;
  const starts = attempts.filter(({ port }) => port === "resumeSession" || port === "spawnSession");
  return typed + new Set(starts.map(nameOf)).size;
}

function isSameEffect(one: PastAttempt, other: PastAttempt): boolean {
  return nameOf(one) === nameOf(other);
}

function nameOf({ port, address, incarnation }: PastAttempt): string {
  return `${port} ${address}#${incarnation}`;
}

/** Rows in order of owner and seq. */
function gaps(rows: readonly { owner: string; seq: number }[]): string[] {
  return rows.flatMap(({ owner, seq }, index) => {
    const former = rows[index - 1];
    const expected = former?.owner === owner ? former.seq + 1 : 1;
    return seq === expected ? [] : [`gap: ${owner} has ${seq} where ${expected} belongs`];
  });
}

/** Invariant 24. */
export function findUnrest(remains: Remains): string[] {
  const { livingRuntimes, runningEffects, panes } = remains;
  const living = livingRuntimes.map((id) => `runtime/${id}`).toSorted();
  const watched = runningEffects.filter(({ port }) => port === "watchTerminal").map(({ address }) => address);
  const none: Readonly<Record<string, readonly string[] | number>> = {
    "mails wait": remains.mail,
    "dead letters": remains.deadLetters,
    "transactions are open": remains.openTransactions,
    "tmux buffers are left": remains.buffers,
    quarantined: remains.quarantined,
    "wakes are open": remains.openWakes,
    "effects are pending": remains.pendingEffects,
    "timers are overdue": remains.overdueTimers,
    "timers of ended actors": remains.orphanTimers,
    "effects under way": runningEffects
      .filter(({ port }) => port !== "watchTerminal")
      .map(({ address, port }) => `${address} ${port}`),
    "leases ran out": runningEffects.filter(({ expired }) => expired).map(({ address }) => address),
  };
  return [
    ...Object.entries(none).flatMap(([what, found]) => left(what, found)),
    ...differs("watches", watched.toSorted(), living),
    ...(panes === null ? [] : differs("panes", panes.toSorted(), livingRuntimes.toSorted())),
    ...(remains.programs === living.length
      ? []
      : [`rest: ${remains.programs} programs for ${living.length} runtimes`]),
  ];
}

function left(what: string, found: readonly string[] | number): string[] {
  const names = typeof found === "number" ? [] : found;
  const count = typeof found === "number" ? found : found.length;
  return count === 0 ? [] : [`rest: ${count} ${what}${names.length === 0 ? "" : `: ${names.join(", ")}`}`];
}

function differs(what: string, found: readonly string[], expected: readonly string[]): string[] {
  if (found.join(" ") === expected.join(" ")) return [];
  return [`rest: ${what} of [${found.join(", ")}], living are [${expected.join(", ")}]`];
}
