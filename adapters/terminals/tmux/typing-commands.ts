/** The tmux commands that write into a pane. The server itself checks identity in the same step as it writes. */
import { randomUUID } from "node:crypto";
import { RouseError } from "../../../runtime/errors.ts";
import type { AnswerKey, TerminalAddress } from "../../../runtime/terminal.ts";
import { isMissingTarget, requireSuccess, type TmuxClient } from "./client.ts";
import { missingPane } from "./look.ts";

const refused = "refused";

export async function pasteText(tmux: TmuxClient, address: TerminalAddress, text: string): Promise<number> {
  // tmux makes no buffer of nothing.
  if (text === "") return 0;
  const buffer = `rouse-${randomUUID()}`;
  await runGuarded(tmux, address, {
    // -p frames the paste if the program asked for it; without -r a newline would arrive as Enter.
    command: `paste-buffer -p -r -d -b ${buffer} -t ${address.target}`,
    otherwise: `delete-buffer -b ${buffer} ; display-message -p ${refused}`,
    before: ["load-buffer", "-b", buffer, "-", ";"],
    input: text,
  });
  return Buffer.byteLength(text);
}

/** The key's name is a constant of ours. */
export async function sendKey(
  tmux: TmuxClient,
  address: TerminalAddress,
  key: AnswerKey | "Enter",
): Promise<void> {
  await runGuarded(tmux, address, {
    command: `send-keys -t ${address.target} ${key}`,
    otherwise: `display-message -p ${refused}`,
    before: [],
    input: "",
  });
}

export async function leaveHistory(tmux: TmuxClient, { server, target }: TerminalAddress): Promise<void> {
  requireSuccess(await tmux.run(server, ["copy-mode", "-q", "-t", target]), "leave the history");
}

interface GuardedCommand {
  /** Constants, a pane id and a buffer name of ours: tmux parses it as commands. */
  command: string;
  otherwise: string;
  before: readonly string[];
  input: string;
}

async function runGuarded(
  tmux: TmuxClient,
  address: TerminalAddress,
  guarded: GuardedCommand,
): Promise<void> {
  const isThisProgram = `#{==:#{pane_pid},${address.pid}}`;
  const takesKeys = "#{&&:#{==:#{pane_dead},0},#{==:#{pane_in_mode},0}}";
  const result = await tmux.run(
    address.server,
    [
      ...guarded.before,
      ...["if-shell", "-F", "-t", address.target, `#{&&:${isThisProgram},${takesKeys}}`],
      ...[guarded.command, guarded.otherwise],
    ],
    guarded.input,
  );
  if (isMissingTarget(result)) throw missingPane(address.server, address.target);
  if (requireSuccess(result, "write into the pane").trim() === refused) throw changedMeanwhile(address);
}

function changedMeanwhile(address: TerminalAddress): RouseError {
  return new RouseError(
    "conflict",
    `The pane ${address.target} opened its history or changed in this moment.`,
    {
      nextStep: "Look again before typing.",
    },
  );
}
