import type { NodeFile } from "../../node-messages.ts";
import { paint, type Paper } from "../render/paper.ts";
import { list } from "../render/table.ts";

export interface UpReport {
  /** False when it ran already. */
  started: boolean;
  node: NodeFile;
  log: string;
}

interface Style {
  paper: Paper;
  /** How the person calls this program. */
  rouse: string;
}

export function upText({ started, node, log }: UpReport, { paper, rouse }: Style): string {
  const head = started ? "Rouse is running." : "Rouse is running already.";
  const facts = list([
    ["address", node.url],
    ["node", `${node.nodeId}, pid ${node.pid}, workspace ${node.workspace}`],
    ["log", log],
    ["look", `${rouse} status`],
    ["end", `${rouse} down`],
  ]);
  return `${paint(paper, "strong", head)}\n${facts}\n${connectText(node.url, rouse)}`;
}

/** Lines to copy; every agent takes a name of its own. */
export function connectText(url: string, rouse: string): string {
  return `Connect Codex (a token lasts 12 hours; take another name for every agent):
  export ROUSE_TOKEN=$(${rouse} tokens issue --agent codex-1)
  codex mcp add rouse --url ${url}/mcp --bearer-token-env-var ROUSE_TOKEN
or, in place of the last line, in ~/.codex/config.toml:
  [mcp_servers.rouse]
  url = "${url}/mcp"
  bearer_token_env_var = "ROUSE_TOKEN"
  tool_timeout_sec = 120

Connect Claude Code:
  claude mcp add --transport http rouse ${url}/mcp --header "Authorization: Bearer $(${rouse} tokens issue --agent claude-1)"
`;
}
