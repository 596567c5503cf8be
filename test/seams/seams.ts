/** The closed list of crash seams: moments before, in and after each call by which the node leaves its process. */

export interface Seam {
  /** What has happened when the process dies here. */
  moment: string;
  /** What a restart makes of it. */
  outcome: string;
  /** Passed only by a node that starts after a crash. */
  atRestart?: true;
}

const undone = "nothing was written; done anew";
const doneOnce = "it stands, and is not done again";
const eitherWay = "written whole or not at all; the caller's next try finds out which";

export const seams = {
  "turn.claimed": { moment: "A turn holds the rows of ready actors; nothing is decided.", outcome: undone },
  "turn.decided": { moment: "The next snapshots are decided; nothing is written.", outcome: undone },
  "turn.written": { moment: "Everything of the turn is written; COMMIT was not sent.", outcome: undone },
  "turn.committing": { moment: "The turn's COMMIT is under way, its answer unread.", outcome: eitherWay },
  "turn.committed": {
    moment: "The turn is committed; the doorbell was not rung.",
    outcome: "polling finds the work",
  },
  "post.written": { moment: "A post is written in its transaction; COMMIT was not sent.", outcome: undone },
  "post.committing": { moment: "The post's COMMIT is under way, its answer unread.", outcome: eitherWay },
  "post.committed": {
    moment: "The post is committed; its author has no answer.",
    outcome: "the author's next try with the same key gets the first answer",
  },
  "ack.written": { moment: "A moved read cursor is written; COMMIT was not sent.", outcome: undone },
  "ack.committing": {
    moment: "The COMMIT of a read cursor is under way, its answer unread.",
    outcome: eitherWay,
  },
  "ack.committed": { moment: "The read cursor is committed; the agent has no answer.", outcome: doneOnce },
  "command.written": {
    moment: "Another command (thread created, runtime ended) is written; COMMIT was not sent.",
    outcome: undone,
  },
  "command.committing": {
    moment: "The command's COMMIT is under way, its answer unread.",
    outcome: eitherWay,
  },
  "command.committed": { moment: "The command is committed; its caller has no answer.", outcome: doneOnce },
  "report.written": {
    moment: "An effect's report to its actor is written under its lease.",
    outcome: undone,
  },
  "report.committing": { moment: "The end of the report's transaction is under way.", outcome: eitherWay },
  "report.committed": { moment: "The report is committed; the doorbell was not rung.", outcome: doneOnce },
  "start.written": {
    moment: "A resume or spawn has written the new runtime's actor under its lease.",
    outcome: undone,
  },
  "start.committing": { moment: "The end of that transaction is under way.", outcome: eitherWay },
  "start.committed": {
    moment: "The new runtime's actor is committed; the resume or spawn is not settled.",
    outcome: "the repeated attempt finds the runtime",
  },
  "doorbell.ringing": { moment: "The doorbell is about to ring.", outcome: "polling finds the work" },
  "timers.firing": { moment: "Due timers are about to be looked for.", outcome: undone },
  "timers.fired": { moment: "Due timers have become mail; the doorbell was not rung.", outcome: doneOnce },
  "effects.claiming": { moment: "The node is about to ask for pending effects.", outcome: undone },
  "effects.claimed": {
    moment: "Effects are leased to this node; none has begun.",
    outcome: "taken back at the restart and performed",
  },
  "effect.starting": { moment: "A once-only effect is about to be marked as started.", outcome: undone },
  "effect.started": {
    moment: "It is marked as started; no byte was typed.",
    outcome: "uncertain; the wake waits for the ack, then tries again",
  },
  "effect.settling": {
    moment: "The outside act is done; its outcome is not recorded.",
    outcome: "typing: uncertain, decided by the ack; other effects: done anew, idempotent",
  },
  "effect.settled": {
    moment: "The outcome is recorded and mailed; the doorbell was not rung.",
    outcome: doneOnce,
  },
  "leases.renewing": { moment: "Leases are about to be extended.", outcome: undone },
  "leases.renewed": { moment: "Leases were extended a moment ago.", outcome: "taken back all the same" },
  "effects.recovering": {
    moment: "A restarted node is about to take back what it held.",
    outcome: undone,
    atRestart: true,
  },
  "effects.recovered": {
    moment: "A restarted node has taken back what it held, and done nothing with it.",
    outcome: "taken back again",
    atRestart: true,
  },
  "node.beating": { moment: "The node's heartbeat is about to be written.", outcome: undone },
  "node.beaten": { moment: "The node's heartbeat is written.", outcome: doneOnce },
  "terminal.looked": { moment: "The node has looked at a screen.", outcome: undone },
  "typing.pasting": {
    moment: "Marked as started, checked again, and about to paste.",
    outcome: "uncertain; the wake waits for the ack, then tries again",
  },
  "typing.pasteSent": {
    moment: "The paste is under way; whether it arrived is not known.",
    outcome: "uncertain; a line that stands in the box is submitted, not typed again",
  },
  "typing.pasted": {
    moment: "The line stands in the input box; Enter was not pressed.",
    outcome: "uncertain; the line that stands in the box is submitted, not typed again",
  },
  "typing.entering": {
    moment: "The line was seen in the box; Enter is about to be pressed.",
    outcome: "uncertain; the line that stands in the box is submitted, not typed again",
  },
  "typing.enterSent": { moment: "Enter is under way.", outcome: "uncertain; the ack decides" },
  "typing.entered": {
    moment: "Enter was pressed; nothing was verified.",
    outcome: "uncertain; the ack decides",
  },
  "launch.launching": { moment: "A program is about to be launched.", outcome: undone },
  "launch.launchSent": {
    moment: "The launch is under way.",
    outcome: "the repeated attempt finds the terminal by its runtime's id, or launches",
  },
  "launch.launched": {
    moment: "The program runs; nobody wrote that down.",
    outcome: "the repeated attempt finds the terminal by its runtime's id",
  },
  "terminal.watched": { moment: "A terminal is watched; it was not looked at.", outcome: "watched again" },
  "terminal.killing": { moment: "A terminal is about to be removed.", outcome: undone },
  "terminal.killed": {
    moment: "The terminal is gone; nobody wrote that down.",
    outcome: "removing it again changes nothing",
  },
} as const satisfies Record<string, Seam>;

export type SeamName = keyof typeof seams;

export const seamNames = Object.keys(seams) as SeamName[];

export function isSeamName(name: string): name is SeamName {
  return Object.hasOwn(seams, name);
}

export function isAtRestart(name: SeamName): boolean {
  const seam: Seam = seams[name];
  return seam.atRestart === true;
}
