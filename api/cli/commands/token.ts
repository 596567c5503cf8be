import { Option } from "commander";
import { roles } from "../../../machines/roles.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand, type CommandGroup } from "../command.ts";
import { durationMs, requiredReason } from "../options.ts";

const issue = defineCommand<{ agent: string; role: string; ttl?: number; session?: string }>({
  usage: "issue",
  summary: "Sign a token for an agent and print it.",
  options: [
    new Option("--agent <agent>", "whose token").makeOptionMandatory(),
    new Option("--role <role>", "what it may do").choices(roles).default("participant"),
    new Option("--ttl <time>", "how long it is good, at most 12h (the default)").argParser(durationMs),
    new Option("--session <session>", "session that it is bound to; left out: a new one"),
  ],
  examples: ["token issue --agent reviewer-1", "token issue --agent lead-1 --role coordinator --ttl 1h"],
  async run(invocation, { agent, role, ttl, session }) {
    const lifetime = ttl === undefined ? undefined : Math.max(1, Math.round(ttl / 1_000));
    const input = { agent_id: agent, role, session_id: session, lifetime_s: lifetime };
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

const revoke = defineCommand<{ jti: string; reason: string }>({
  usage: "revoke <jti>",
  summary: "Refuse a token from now on, everywhere within seconds.",
  arguments: { jti: "the token's id: field jti of token issue --json" },
  options: [requiredReason()],
  async run(invocation, { jti, reason }) {
    const answer = await invocation.call("revoke_token", { jti, reason });
    invocation.show(answer, () => `Token ${jti} is revoked.\n`);
  },
});

export const tokenGroup: CommandGroup = {
  name: "token",
  summary: "Who may speak to the node.",
  commands: [issue, revoke],
};
