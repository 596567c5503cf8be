import { Option } from "commander";
import { defineCommand, type CommandGroup } from "../command.ts";
import { cursor, integer, limit, requiredReason, type Paged } from "../options.ts";
import { deadLetterPage, deadLetterTable, quarantineTable } from "../views/failure.ts";
import { effectPage, effectTable, nodeTable } from "../views/failure.ts";

/** What was set aside, came to nothing or fell silent, and the ways back. */

const listLetters = defineCommand<Paged & { actor?: string; code?: string; status?: string }>({
  usage: "list",
  isDefault: true,
  summary: "Events that an actor could not process, newest first.",
  options: [
    new Option("--actor <actor>", "only of this one, kind/id"),
    new Option("--code <code>", "only with this code of error"),
    new Option("--status <status>", "only these").choices(["open", "requeued", "discarded"]),
    limit(),
    cursor(),
  ],
  examples: ["dead-letters list --status open"],
  async run(invocation, { actor, code, status, limit: rows, cursor: after }) {
    const input = { address: actor, code, status, limit: rows, cursor: after };
    invocation.show(await invocation.call("list_dead_letters", input), deadLetterTable);
  },
});

const showLetter = defineCommand<{ letter: string }>({
  usage: "show <letter>",
  summary: "One dead letter: event, cause, error, and the journal around it.",
  arguments: { letter: "its id" },
  async run(invocation, { letter }) {
    invocation.show(await invocation.call("get_dead_letter", { dead_letter_id: letter }), deadLetterPage);
  },
});

const requeue = defineCommand<{ letter: string; reason: string; release?: boolean }>({
  usage: "requeue <letter>",
  summary: "Put its mail back at the end of its actor's mailbox.",
  remarks: "Do so once the cause is gone; otherwise it is set aside again, and its actor with it.",
  arguments: { letter: "its id" },
  options: [new Option("--release", "release its actor from quarantine, too"), requiredReason()],
  examples: ['dead-letters requeue 7 --release --reason "chart repaired"'],
  async run(invocation, { letter, reason, release }) {
    const input = { dead_letter_id: letter, reason, release };
    invocation.show(
      await invocation.call("requeue_dead_letter", input),
      ({ dead_letter: { address }, changed, released }) => {
        const what = changed ? `is in the mailbox of ${address} again` : "was requeued before";
        return `Dead letter ${letter} ${what}.${released ? ` ${address} goes on.` : ""}\n`;
      },
    );
  },
});

const discard = defineCommand<{ letter: string; reason: string }>({
  usage: "discard <letter>",
  summary: "Settle that its mail will not come again; it stays on record.",
  arguments: { letter: "its id" },
  options: [requiredReason()],
  async run(invocation, { letter, reason }) {
    invocation.show(
      await invocation.call("discard_dead_letter", { dead_letter_id: letter, reason }),
      ({ changed }) =>
        `Dead letter ${letter} ${changed ? "is" : "was"} discarded${changed ? "" : " before"}.\n`,
    );
  },
});

export const deadLetterGroup: CommandGroup = {
  name: "dead-letters",
  summary: "Events that were set aside.",
  commands: [listLetters, showLetter, requeue, discard],
};

const quarantined = defineCommand<Paged>({
  usage: "quarantined",
  summary: "Actors that were set aside: why, since when, how much mail waits.",
  options: [limit(), cursor()],
  async run(invocation, { limit: rows, cursor: after }) {
    invocation.show(
      await invocation.call("list_quarantined", { limit: rows, cursor: after }),
      quarantineTable,
    );
  },
});

const release = defineCommand<{ actor: string; reason: string }>({
  usage: "release <actor>",
  summary: "Let a quarantined actor go on with the mail that waits.",
  arguments: { actor: "kind/id" },
  options: [requiredReason()],
  examples: ['actors release participant/th-1.reviewer-1 --reason "chart repaired"'],
  async run(invocation, { actor, reason }) {
    invocation.show(
      await invocation.call("release_actor", { address: actor, reason }),
      ({ released }) => `${actor} ${released ? "goes on" : "was not quarantined"}.\n`,
    );
  },
});

export const actorGroup: CommandGroup = {
  name: "actors",
  summary: "Actors that were set aside.",
  commands: [quarantined, release],
};

const listEffects = defineCommand<{ actor?: string; status?: string; limit?: number }>({
  usage: "list",
  isDefault: true,
  summary: "Outside work: attempts, next try, who holds it. Newest first.",
  options: [
    new Option("--actor <actor>", "only of this one, kind/id"),
    new Option("--status <status>", "only these").choices([
      ...["pending", "running", "done", "failed", "cancelled", "uncertain"],
    ]),
    limit(),
  ],
  examples: ["effects list --status uncertain"],
  async run(invocation, { actor, status, limit: rows }) {
    const input = { address: actor, status, limit: rows };
    invocation.show(await invocation.call("list_effects", input), effectTable);
  },
});

const showEffect = defineCommand<{ actor: string; incarnation: number }>({
  usage: "show <actor> <incarnation>",
  summary: "One piece of outside work: every attempt, and the port's retry policy.",
  arguments: { actor: "kind/id", incarnation: "its number" },
  async run(invocation, { actor, incarnation }) {
    const input = { address: actor, incarnation: integer(1)(String(incarnation)) };
    invocation.show(await invocation.call("get_effect", input), effectPage);
  },
});

export const effectGroup: CommandGroup = {
  name: "effects",
  summary: "Outside work that charts asked for.",
  commands: [listEffects, showEffect],
};

export const nodes = defineCommand<Record<string, never>>({
  usage: "nodes",
  summary: "Processes that share the work: host, last beat, effects in hand, whether they are draining.",
  async run(invocation) {
    invocation.show(await invocation.call("list_nodes"), nodeTable);
  },
});
