import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { asCommands } from "../command-names.ts";
import { defineCommand, type CommandGroup } from "../command.ts";
import { cursor, limit, reason, requiredReason, type Paged } from "../options.ts";
import type { Trigger } from "../payloads.ts";
import { printableLine } from "../../../runtime/printable.ts";
import { moreText } from "../views/more.ts";
import { participantPage, participantTable } from "../views/threads.ts";

interface Member {
  thread: string;
  agent: string;
}

const listing = defineCommand<Paged & { thread?: string; attention?: string }>({
  usage: "list [thread]",
  summary: "Participants of a thread, or of all threads.",
  options: [
    new Option("--attention <state>", "only those in this state, for instance blocked"),
    limit(),
    cursor(),
  ],
  examples: ["participant list --attention blocked"],
  async run(invocation, { thread, attention, limit: rows, cursor: after }) {
    const input = { thread_id: thread, attention, limit: rows, cursor: after };
    const answer = await invocation.call("list_participants", input);
    invocation.show(answer, (payload, paper) => participantTable(payload, paper) + moreText(payload));
  },
});

const show = defineCommand<Member>({
  usage: "show <thread> <agent>",
  summary: "One participant: cursor, states, wake. See also rouse explain.",
  async run(invocation, { thread, agent }) {
    const { participants } = await invocation.call("get_thread", { thread_id: thread });
    const found = participants.find(({ agent_id }) => agent_id === agent);
    if (found === undefined) {
      throw new RouseError("not_a_participant", `${agent} is not a participant of thread ${thread}`, {
        nextStep: `Add it with rouse participant add ${thread} ${agent}.`,
        details: { thread_id: thread, agent_id: agent },
      });
    }
    invocation.show({ participant: found }, ({ participant }, paper) => participantPage(participant, paper));
  },
});

const add = defineCommand<Member>({
  usage: "add <thread> <agent>",
  summary: "Add an agent to a thread; what was broadcast before is unread to it.",
  async run(invocation, { thread, agent }) {
    const answer = await invocation.call("add_participant", { thread_id: thread, agent_id: agent });
    invocation.show(
      answer,
      ({ participant }) => `${agent} takes part in ${thread} (${participant.unread} unread).\n`,
    );
  },
});

const trigger = defineCommand<Member & { reason?: string }>({
  usage: "trigger <thread> <agent>",
  summary: "Wake a participant now; says what was done.",
  options: [reason()],
  async run(invocation, { thread, agent, reason: why }) {
    const input = { thread_id: thread, agent_id: agent, reason: why };
    invocation.show(await invocation.call("trigger_participant", input), triggerText);
  },
});

function triggerText({ agent_id, action, reason: why, next_step, trace_id }: Trigger): string {
  const because = why === null ? "" : ` (${why})`;
  const next = next_step === null ? "" : `Next: ${printableLine(asCommands(next_step))}\n`;
  return `${agent_id}: ${action}${because}, trace ${trace_id}\n${next}`;
}

const decisions = [
  ["block", "block_participant", "Stop waking this participant until it is unblocked or reads by itself."],
  ["unblock", "unblock_participant", "Lift a block, so that unread work wakes it again."],
  ["override", "override_participant", "Force a wake past collision, rate and block guards."],
] as const;

const decisionCommands = decisions.map(([name, operation, what]) =>
  defineCommand<Member & { reason: string }>({
    usage: `${name} <thread> <agent>`,
    summary: what,
    options: [requiredReason()],
    async run(invocation, { thread, agent, reason: why }) {
      const input = { thread_id: thread, agent_id: agent, reason: why };
      invocation.show(
        await invocation.call(operation, input),
        ({ participant, previous_attention }) =>
          `${agent} in ${thread}: ${participant.attention ?? "-"} (was ${previous_attention ?? "-"}).\n`,
      );
    },
  }),
);

const switches = [
  ["pause", "pause_injection", "Type nothing for this agent, in any thread, until it is resumed."],
  ["resume", "resume_injection", "Wake this agent again."],
] as const;

const switchCommands = switches.map(([name, operation, what]) =>
  defineCommand<{ agent: string; reason: string }>({
    usage: `${name} <agent>`,
    summary: what,
    options: [requiredReason()],
    async run(invocation, { agent, reason: why }) {
      const answer = await invocation.call(operation, { scope: "agent", agent_id: agent, reason: why });
      invocation.show(answer, ({ injection }) => `Injection for agent ${agent} is ${injection}.\n`);
    },
  }),
);

export const participantGroup: CommandGroup = {
  name: "participant",
  summary: "Agents in threads, and their wakes.",
  commands: [listing, show, add, trigger, ...decisionCommands, ...switchCommands],
};
