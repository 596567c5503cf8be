import type { Message, Participant, WorkspaceStatus } from "../payloads.ts";
import type { Receipt } from "./receipts.ts";

/** Whether anything was lost or doubled, judged from outside. Pure. */

export interface Check {
  name: string;
  /** What is wrong; empty when all is well. */
  problems: string[];
}

export interface Findings {
  messages: readonly Message[];
  /** `author` or `author to #n` of every message, in order. */
  expectedPosts: readonly string[];
  receipts: readonly Receipt[];
  participants: readonly Participant[];
  status: WorkspaceStatus;
  /** How often each agent says that it was given each wake. */
  given: ReadonlyMap<string, number>;
  /** The sessions in which each agent says that it was given wakes. */
  sessions: ReadonlyMap<string, ReadonlySet<string>>;
}

export function judge(findings: Findings): Check[] {
  return [
    { name: "messages are numbered 1, 2, 3 … without a gap", problems: gaps(findings) },
    { name: "every post is in the thread exactly once", problems: postProblems(findings) },
    { name: "every wake ended with its agent having read", problems: openWakes(findings) },
    { name: "no agent was given a wake more often than it was delivered", problems: doubledWakes(findings) },
    { name: "every agent kept its session, the killed one too", problems: lostSessions(findings) },
    { name: "every participant has read everything addressed to it", problems: unread(findings) },
    { name: "nothing is stuck: no waiting mail, no dead letter", problems: stuck(findings) },
  ];
}

function gaps({ messages }: Findings): string[] {
  return messages.flatMap(({ seq }, index) =>
    seq === index + 1 ? [] : [`place ${index + 1} holds message #${seq}`],
  );
}

function postProblems({ messages, expectedPosts }: Findings): string[] {
  const posts = messages.map(({ author, in_reply_to }) =>
    in_reply_to === null ? author : `${author} to #${in_reply_to}`,
  );
  return [...new Set([...expectedPosts, ...posts])].flatMap((post) => {
    const [found, expected] = [count(posts, post), count(expectedPosts, post)];
    if (found === expected) return [];
    const what = found < expected ? "lost" : "doubled or unexpected";
    return [`${what}: post by ${post} is there ${found} times, expected ${expected}`];
  });
}

function count(list: readonly string[], wanted: string): number {
  return list.filter((post) => post === wanted).length;
}

function openWakes({ receipts }: Findings): string[] {
  return receipts.flatMap(({ wakeId, outcome, acknowledgedBy }) =>
    outcome === "read" && acknowledgedBy !== null
      ? []
      : [`wake ${wakeId}: outcome ${outcome ?? "none"}, acknowledged by ${acknowledgedBy ?? "nobody"}`],
  );
}

function doubledWakes({ receipts, given }: Findings): string[] {
  const known = new Set(receipts.map(({ wakeId }) => wakeId));
  const strange = [...given.keys()].filter((wakeId) => !known.has(wakeId));
  return [
    ...strange.map((wakeId) => `wake ${wakeId} was given and has no receipt`),
    ...receipts.flatMap(({ wakeId, deliveries }) => {
      const times = given.get(wakeId) ?? 0;
      if (times > deliveries)
        return [`doubled: wake ${wakeId} was given ${times} times, delivered ${deliveries}`];
      return times === 0 && deliveries > 0 ? [`lost: wake ${wakeId} never reached its agent`] : [];
    }),
  ];
}

function lostSessions({ sessions }: Findings): string[] {
  return [...sessions].flatMap(([agent, ids]) =>
    ids.size <= 1 ? [] : [`${agent} was woken in ${ids.size} sessions: ${[...ids].join(", ")}`],
  );
}

function unread({ participants }: Findings): string[] {
  return participants.flatMap(({ agent_id, attention, unread: left, head_seq, last_read_seq }) =>
    left === 0 && attention === "caughtUp"
      ? []
      : [`${agent_id} is ${attention ?? "?"} with ${left} unread (read ${last_read_seq} of ${head_seq})`],
  );
}

function stuck({ status }: Findings): string[] {
  const problems: string[] = [];
  if (status.mail > 0) problems.push(`${status.mail} events wait`);
  if (status.dead_letters > 0) problems.push(`${status.dead_letters} dead letters`);
  for (const name of ["failed", "pending"]) {
    const found = status.effects[name] ?? 0;
    if (found > 0) problems.push(`${found} effects are ${name}`);
  }
  return problems;
}
