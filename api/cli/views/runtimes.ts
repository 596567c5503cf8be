import type { Agent, Payloads, Runtime } from "../payloads.ts";
import { toneOf, type Paper } from "../render/paper.ts";
import { list, table } from "../render/table.ts";
import { relativeText } from "../render/time.ts";
import { moreText } from "./more.ts";

export function runtimeTable({ runtimes, ...page }: Payloads["list_runtimes"], paper: Paper): string {
  const rows = table(
    paper,
    runtimes,
    [
      { title: "RUNTIME", of: (runtime) => runtime.runtime_id },
      { title: "AGENT", of: (runtime) => runtime.agent_id },
      { title: "STATE", of: ({ state }) => ({ text: state ?? "-", tone: toneOf(state ?? "") }) },
      { title: "HOST", of: (runtime) => runtime.host },
      { title: "TERMINAL", of: terminalText },
      { title: "PID", of: (runtime) => runtime.pid, align: "right" },
      { title: "SEEN", of: (runtime) => relativeText(runtime.last_seen_at, paper.now) },
      { title: "REMARK", of: runtimeRemark, most: 80 },
    ],
    "No runtimes.",
  );
  return rows + moreText(page);
}

export function runtimePage({ runtime }: { runtime: Runtime }, { now }: Paper): string {
  return list([
    ["runtime", runtime.runtime_id],
    ["agent", runtime.agent_id],
    ["state", runtime.state],
    ["states", runtime.states.join(", ")],
    ["host", runtime.host],
    ["terminal", terminalText(runtime)],
    ["server", runtime.server],
    ["pid", runtime.pid],
    ["session", runtime.session_id],
    ["management", runtime.management],
    ["injection", runtime.injection],
    ["dialog", runtime.dialog],
    ["answer", answerRemark(runtime)],
    ["seen", relativeText(runtime.last_seen_at, now)],
    ["detail", runtime.detail],
  ]);
}

function answerRemark({ answer }: Runtime): string | null {
  if (answer === null) return null;
  const { option, label, by, outcome, refusal } = answer;
  return `${option} (${label}) by ${by}: ${outcome}${refusal === null ? "" : `, ${refusal}`}`;
}

function terminalText({ backend, target }: Runtime): string | null {
  if (backend === null) return null;
  return target === null ? backend : `${backend} ${target}`;
}

function runtimeRemark({ management, injection, dialog, detail }: Runtime): string {
  return [
    ...(management === "unmanaged" ? ["unmanaged"] : []),
    ...(injection === "paused" ? ["paused"] : []),
    ...(dialog === null ? [] : [`${dialog} dialog`]),
    ...(detail === null || detail === "" ? [] : [detail]),
  ].join("; ");
}

export function agentTable({ agents, ...page }: Payloads["list_agents"], paper: Paper): string {
  const rows = table(
    paper,
    agents,
    [
      { title: "AGENT", of: (agent) => agent.agent_id },
      { title: "KIND", of: (agent) => agent.kind },
      { title: "HOST", of: (agent) => agent.host },
      { title: "CAN START", of: (agent) => (agent.spawnable ? "yes" : "no") },
      { title: "SESSION", of: (agent) => agent.session?.session_id ?? null },
      { title: "HEARTBEAT", of: (agent) => relativeText(agent.last_heartbeat_at, paper.now) },
      { title: "REMARK", of: (agent) => (agent.paused ? { text: "paused", tone: "warning" } : null) },
    ],
    "No agents.",
  );
  return rows + moreText(page);
}

export function agentText({ agent }: { agent: Agent }): string {
  return `Agent ${agent.agent_id} is started as ${agent.kind ?? "-"} on ${agent.host ?? "-"}.\n`;
}
