import { agentKindOf, agentKinds } from "../../../adapters/agents/registry.ts";
import { connectedFinding } from "../../../adapters/agents/host-checks.ts";
import type { Finding, Host, HostCheck, HostedProgram } from "../../../adapters/agents/host.ts";
import { printableLine } from "../../../runtime/printable.ts";
import type { Invocation } from "../invocation.ts";
import type { DoctorReport } from "../views/agents.ts";
import { endpointFinding } from "./endpoint.ts";
import { hostedProgram, hostOf } from "./host.ts";
import { terminalFinding } from "./terminal.ts";

const mostCharacters = 500;
/** For all programs together; each has less. */
const mostMs = 60_000;

/** Looks at everything that agents of the kind need on this host. Throws `invalid_input` for an unknown kind. */
export async function examine(
  invocation: Invocation,
  kind: string,
  definition: unknown,
): Promise<DoctorReport> {
  const { surroundings, isJson } = invocation;
  const host = hostOf(surroundings.environment);
  const program = hostedProgram(kind);
  const own = program?.checks ?? agentKindOf(agentKinds, kind).checks?.(definition) ?? [];
  const signal = AbortSignal.timeout(mostMs);
  const checks: DoctorReport["checks"] = [];
  for (const { code, step, needsProgram, look } of [...own, ...checksOf(invocation, kind, program)]) {
    const isMissing = checks.some((check) => check.code === "program" && check.status === "fail");
    if (needsProgram && isMissing) continue;
    if (!isJson) surroundings.err(`  ${step} …\n`);
    checks.push({ code, ...shown(await look(host, signal)) });
  }
  return { kind, ok: checks.every(({ status }) => status !== "fail"), checks };
}

function checksOf(invocation: Invocation, kind: string, program: HostedProgram | null): HostCheck[] {
  const general = { needsProgram: false } as const;
  const connected = (known: HostedProgram): HostCheck => ({
    ...{ ...general, code: "connected", step: "looking for our tools in its settings" },
    look: (host: Host) => connectedFinding(known, host, `rouse agent connect ${kind} --agent NAME`),
  });
  return [
    ...(program === null ? [] : [connected(program)]),
    {
      ...{ ...general, code: "endpoint", step: "asking the node for its tools" },
      look: () => endpointFinding(invocation),
    },
    { ...{ ...general, code: "terminal", step: "looking for tmux" }, look: terminalFinding },
  ];
}

function bounded(words: string): string {
  return printableLine(words).slice(0, mostCharacters);
}

/** Paths and what programs say are others' words. */
function shown({ status, text, nextStep }: Finding) {
  return { status, text: bounded(text), next_step: nextStep === undefined ? null : bounded(nextStep) };
}
