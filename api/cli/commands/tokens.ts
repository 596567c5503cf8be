import { Option } from "commander";
import { roles } from "../../../machines/roles.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand, type CommandGroup } from "../command.ts";
import { cursor, durationMs, limit, requiredReason, type Paged } from "../options.ts";
import { keyTable, tokenTable } from "../views/tokens.ts";

const issue = defineCommand<{
  agent: string;
  role: string;
  ttl?: number;
  session?: string;
  refreshable?: boolean;
}>({
  usage: "issue",
  summary: "Sign a token for an agent and print it.",
  options: [
    new Option("--agent <agent>", "whose token").makeOptionMandatory(),
    new Option("--role <role>", "what it may do").choices(roles).default("participant"),
    new Option("--ttl <time>", "how long it is good; at most 12h, the default").argParser(durationMs),
    new Option("--session <session>", "session that it is bound to; left out: a new one"),
    new Option("--refreshable", "good for 15 minutes, and for up to 7 days by refresh_token"),
  ],
  examples: ["tokens issue --agent reviewer-1", "tokens issue --agent lead-1 --role coordinator --ttl 1h"],
  async run(invocation, { agent, role, ttl, session, refreshable }) {
    const lifetime = ttl === undefined ? undefined : Math.max(1, Math.round(ttl / 1_000));
    const input = { agent_id: agent, role, session_id: session, lifetime_s: lifetime, refreshable };
    const answer = await invocation.call("issue_token", input);
    if (answer.token === null && !invocation.isJson) throw shownBefore(answer.jti);
    invocation.show(answer, ({ token }) => `${token ?? ""}\n`);
  },
});

function shownBefore(jti: string): RouseError {
  return new RouseError("idempotency_conflict", `token ${jti} was shown when it was made, and only then`, {
    nextStep: "Issue another one, with a fresh idempotency key or none.",
  });
}

interface ListGiven extends Paged {
  agent?: string;
  session?: string;
  state?: string;
  ending?: number;
}

const list = defineCommand<ListGiven>({
  usage: "list",
  isDefault: true,
  summary:
    "Who got which token, until when, and who revoked it and why. Newest first; never the token itself.",
  options: [
    new Option("--agent <agent>", "only of this one"),
    new Option("--session <session>", "only of this session"),
    new Option("--state <state>", "live: neither expired nor revoked; ended: the others").choices([
      ...["live", "ended"],
    ]),
    new Option(
      "--ending <time>",
      "only the last of each session, if it ends for good within this time",
    ).argParser(durationMs),
    limit(),
    cursor(),
  ],
  examples: ["tokens list --state live", "tokens list --ending 1h"],
  async run(invocation, { agent, session, state, ending, limit: rows, cursor: after }) {
    const within = ending === undefined ? undefined : Math.max(1, Math.round(ending / 1_000));
    const input = { agent_id: agent, session_id: session, state, ending_within_s: within };
    invocation.show(
      await invocation.call("list_tokens", { ...input, limit: rows, cursor: after }),
      tokenTable,
    );
  },
});

const revoke = defineCommand<{ jti?: string; agent?: string; session?: string; reason: string }>({
  usage: "revoke [jti]",
  summary: "Refuse a token, or all of an agent or session, from now on, everywhere within seconds.",
  arguments: { jti: "the token's id, as tokens list shows it; what was refreshed from it is refused too" },
  options: [
    new Option("--agent <agent>", "all that it got until now"),
    new Option("--session <session>", "with --agent: only those of this session"),
    requiredReason(),
  ],
  examples: [
    'tokens revoke 5f0c… --reason "left in a log"',
    'tokens revoke --agent reviewer-1 --reason "its machine was stolen"',
  ],
  async run(invocation, { jti, agent, session, reason }) {
    if ((jti === undefined) === (agent === undefined)) throw oneOf();
    if (jti !== undefined) {
      const answer = await invocation.call("revoke_token", { jti, reason });
      return invocation.show(answer, () => `Token ${jti} is revoked.\n`);
    }
    const input = { agent_id: agent, session_id: session, reason };
    const answer = await invocation.call("revoke_tokens_of", input);
    const of = session === undefined ? "" : ` for session ${session}`;
    return invocation.show(answer, () => `All tokens that ${agent ?? ""} got until now${of} are revoked.\n`);
  },
});

function oneOf(): RouseError {
  return new RouseError("invalid_input", "name either a token's id, or an agent with --agent", {
    nextStep: "See rouse tokens list.",
  });
}

export const tokenGroup: CommandGroup = {
  name: "tokens",
  alias: "token",
  summary: "Who may speak to the node.",
  commands: [issue, list, revoke],
};

const listKeys = defineCommand<Record<string, never>>({
  usage: "list",
  isDefault: true,
  summary: "Keys that sign and verify tokens, oldest first. With --json also their public parts.",
  async run(invocation) {
    invocation.show(await invocation.call("list_signing_keys"), keyTable);
  },
});

const rotate = defineCommand<{ reason: string }>({
  usage: "rotate",
  summary: "Sign with a new key; what the one before signed stays good until it expires.",
  options: [requiredReason()],
  async run(invocation, { reason }) {
    const answer = await invocation.call("rotate_signing_key", { reason });
    invocation.show(answer, ({ kid }) => `Key ${kid} signs from now on.\n`);
  },
});

const retire = defineCommand<{ kid: string; reason: string }>({
  usage: "retire <kid>",
  summary: "Refuse all that a key signed, everywhere within seconds: for a key that leaked.",
  remarks:
    "Agents have to be launched again, or get new tokens. The command line of a node gets a new one by itself, within two seconds.",
  arguments: { kid: "the key's id, as keys list shows it" },
  options: [requiredReason()],
  async run(invocation, { kid, reason }) {
    const answer = await invocation.call("retire_signing_key", { kid, reason });
    invocation.show(
      answer,
      ({ retired, signing_kid: signer }) =>
        `Key ${kid} ${retired ? "is" : "was"} retired${retired ? "" : " before"}; key ${signer} signs.\n`,
    );
  },
});

export const keyGroup: CommandGroup = {
  name: "keys",
  summary: "Keys that sign tokens.",
  commands: [listKeys, rotate, retire],
};
