import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand, type CommandGroup } from "../command.ts";
import { cursor, integer, limit, reason, requiredReason, type Paged } from "../options.ts";
import { printable } from "../../../runtime/printable.ts";
import { messagePages, threadChange, threadPage, threadTable } from "../views/threads.ts";

const statuses = ["active", "blocked", "resolved", "closed"];
const kinds = ["message", "finding", "decision", "question"];

const create = defineCommand<{ title: string; participant?: string[]; type?: string; id?: string }>({
  usage: "create <title>",
  summary: "Open a thread for some agents.",
  options: [
    new Option("-p, --participant <agents...>", "agents that take part"),
    new Option("--type <type>", "for instance review"),
    new Option("--id <thread>", "id of your choice; else one is made"),
  ],
  examples: ['thread create "Review of the parser" -p executioner-1 reviewer-1 --type review'],
  async run(invocation, { title, participant, type, id }) {
    const input = { title, participants: participant, type, thread_id: id };
    invocation.show(await invocation.call("create_thread", input), threadPage);
  },
});

const listing = defineCommand<Paged & { status?: string; agent?: string }>({
  usage: "list",
  summary: "Threads, newest first.",
  options: [
    new Option("--status <status>", "only those with this status").choices(statuses),
    new Option("--agent <agent>", "only those it takes part in"),
    limit(),
    cursor(),
  ],
  async run(invocation, { agent, ...given }) {
    const { status, limit: rows, cursor: after } = given;
    const input = { status, agent_id: agent, limit: rows, cursor: after };
    invocation.show(await invocation.call("list_threads", input), threadTable);
  },
});

const show = defineCommand<{ thread: string }>({
  usage: "show <thread>",
  summary: "One thread with its participants.",
  async run(invocation, { thread }) {
    invocation.show(await invocation.call("get_thread", { thread_id: thread }), threadPage);
  },
});

interface Post {
  thread: string;
  body?: string;
  to?: string[];
  kind?: string;
  replyTo?: number;
}

const post = defineCommand<Post>({
  usage: "post <thread> [body]",
  summary: "Post a message; whoever it is for is woken.",
  arguments: { body: "the text; left out or -: standard input" },
  options: [
    new Option("--to <agents...>", "only these are woken; left out: everybody"),
    new Option("--kind <kind>", "what it is").choices(kinds),
    new Option("--reply-to <seq>", "message that it answers").argParser(integer(1)),
  ],
  examples: [
    'thread post th-1 "Please look at parser.ts again." --to reviewer-1',
    "thread post th-1 < findings.md",
  ],
  async run(invocation, { thread, body, to, kind, replyTo }) {
    const isFromInput = body === undefined || body === "-";
    const text = isFromInput ? await invocation.surroundings.readInput() : body;
    if (text === null || text === "") {
      throw new RouseError("invalid_input", "there is no text to post", {
        nextStep: "Give it as an argument or on standard input.",
      });
    }
    const input = { thread_id: thread, body: text, to, kind, in_reply_to: replyTo };
    invocation.show(await invocation.call("post_message", input), ({ seq, addressed }) => {
      const whom = addressed.length === 0 ? "nobody" : addressed.join(", ");
      return `Posted #${seq} in ${thread}, for ${whom}.\n`;
    });
  },
});

const read = defineCommand<{ thread: string; after?: number; limit?: number; maxBytes?: number }>({
  usage: "read <thread>",
  summary: "Messages in order. Does not move the cursor.",
  options: [
    new Option("--after <seq>", "what follows this message; left out: from your cursor on").argParser(
      integer(0),
    ),
    limit(),
    new Option("--max-bytes <bytes>", "bound of all bodies together").argParser(integer(1_024)),
  ],
  async run(invocation, { thread, after, limit: rows, maxBytes }) {
    const input = { thread_id: thread, after_seq: after, limit: rows, max_bytes: maxBytes };
    invocation.show(await invocation.call("read_messages", input), messagePages);
  },
});

const ack = defineCommand<{ thread: string; seq: number }>({
  usage: "ack <thread> <seq>",
  summary: "Move your own cursor forward to this message (with an agent's token).",
  async run(invocation, { thread, seq }) {
    const number = integer(0);
    const answer = await invocation.call("ack_read", { thread_id: thread, seq: number(String(seq)) });
    invocation.show(answer, (payload) => `Read up to #${payload.last_read_seq}; ${payload.unread} unread.\n`);
  },
});

const summary = defineCommand<{ thread: string; maxBytes?: number }>({
  usage: "summary <thread>",
  summary: "Status, open items, last decisions and participants, bounded for a prompt.",
  options: [new Option("--max-bytes <bytes>", "at most 4096").argParser(integer(256, 4_096))],
  async run(invocation, { thread, maxBytes }) {
    const answer = await invocation.call("summarize_thread", { thread_id: thread, max_bytes: maxBytes });
    invocation.show(answer, (payload) => `${printable(payload.summary).trimEnd()}\n`);
  },
});

/** The commands that change a thread's status: name, status asked for, what it does, whether a reason is always due. */
const changes = [
  [
    "close",
    "closed",
    "Close a thread for good, whatever its participants say; nobody is woken for it any more.",
    true,
  ],
  ["resolve", "resolved", "Say that its work is done.", false],
  ["block", "blocked", "Stop all wakes of a thread until somebody unblocks it.", true],
  [
    "escalate",
    "blocked",
    "Hand a thread to a person: all wakes stop, and it stands in rouse escalations until it is unblocked.",
    true,
  ],
  ["unblock", "active", "Let a blocked thread go on.", true],
  ["reopen", "active", "Make a resolved thread active again.", true],
] as const;

const statusCommands = changes.map(([name, status, what, needsReason]) =>
  defineCommand<{ thread: string; reason?: string }>({
    usage: `${name} <thread>`,
    summary: what,
    options: [needsReason ? requiredReason() : reason()],
    async run(invocation, { thread, reason: why }) {
      const input = { thread_id: thread, status, reason: why };
      invocation.show(await invocation.call("update_thread_status", input), threadChange);
    },
  }),
);

const switches = [
  ["pause", "pause_injection", "Type nothing because of this thread until it is resumed; messages wait."],
  ["resume", "resume_injection", "Wake the readers of this thread again: what waited is woken."],
] as const;

const switchCommands = switches.map(([name, operation, what]) =>
  defineCommand<{ thread: string; reason: string }>({
    usage: `${name} <thread>`,
    summary: what,
    options: [requiredReason()],
    async run(invocation, { thread, reason: why }) {
      const input = { scope: "thread", thread_id: thread, reason: why };
      invocation.show(
        await invocation.call(operation, input),
        ({ injection }) => `Injection for thread ${thread} is ${injection}.\n`,
      );
    },
  }),
);

export const threadGroup: CommandGroup = {
  name: "thread",
  summary: "Conversations of agents.",
  commands: [create, listing, show, post, read, ack, ...statusCommands, ...switchCommands, summary],
};
