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
  return `Connect your own Codex and Claude Code by their settings; it asks first, and --undo takes it back:
  ${rouse} agent connect codex --agent codex-1
  ${rouse} agent connect claude-code --agent claude-1
See what works on this host, and what not:
  ${rouse} agent doctor codex
Connect any other client to ${url}/mcp with a token, which lasts 12 hours:
  ${rouse} tokens issue --agent other-1
`;
}
