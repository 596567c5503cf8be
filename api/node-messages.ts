/** What a node process (`api/main.ts serve`) tells the process that started it, over the IPC channel when there is one. */
export type NodeMessage =
  | { type: "progress"; step: string }
  | { type: "ready"; node: NodeFile }
  | { type: "done"; report: object }
  | { type: "failed"; code: string; message: string; nextStep: string | null };

/** `<home>/node.json`, mode 0600: how the CLI finds the running node. Written when it is ready, removed when it ends well. */
export interface NodeFile {
  url: string;
  pid: number;
  /** Kernel start time of that pid (`/proc/PID/stat` field 22), so that a reused pid is not mistaken for the node; null where unknown. */
  pidStartedAt: string | null;
  nodeId: string;
  version: string;
  workspace: string;
  startedAt: number;
}

/** Files below the home folder that node and CLI share. */
export const nodeFileName = "node.json";
/** A token of role operator, mode 0600, renewed by the node well before it expires. */
export const operatorTokenFileName = "operator.token";
export const logFileName = "node.log";
