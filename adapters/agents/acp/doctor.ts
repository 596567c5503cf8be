import { systemClock } from "../../../runtime/clock.ts";
import type { Finding, HostCheck } from "../host.ts";
import { AgentProcess } from "./agent-process.ts";
import type { AcpDefinition } from "./definition.ts";
import { isProgramThere } from "./launch.ts";
import { initialize } from "./session.ts";

const answersWithinMs = 30_000;
const stopsWithinMs = 1_000;

/** Only a definition names the program. */
export function acpChecks(definition: AcpDefinition | null): readonly HostCheck[] {
  if (definition === null) return [definitionWanted];
  const [program] = definition.command;
  return [
    {
      code: "program",
      step: `looking for ${program}`,
      needsProgram: false,
      async look({ environment }) {
        if (isProgramThere(definition, environment)) return { status: "ok", text: `${program} is there.` };
        const nextStep = "Install it, or name another `command`.";
        return { status: "fail", text: `${program} is in no folder of PATH.`, nextStep };
      },
    },
    {
      code: "protocol",
      step: `asking ${program} what it can do`,
      needsProgram: true,
      look: ({ environment }, signal) => examine(definition, environment, signal),
    },
  ];
}

const definitionWanted: HostCheck = {
  code: "program",
  step: "looking for the program",
  needsProgram: false,
  look: async () => ({
    status: "warn",
    text: "Which program is run, only an agent's definition tells.",
    nextStep: "Run rouse agent doctor acp --definition @FILE.",
  }),
};

/** Starts the agent without a session. */
async function examine(
  { command, cwd, env, authMethod }: AcpDefinition,
  { PATH, HOME }: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Finding> {
  const agent = new AgentProcess({ command, cwd, env: { PATH, HOME, ...env }, clock: systemClock });
  const stop = (): void => void agent.stop(systemClock, stopsWithinMs);
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(answersWithinMs)]);
  bounded.addEventListener("abort", stop, { once: true });
  try {
    const { agentCapabilities, authMethods } = await initialize({ link: agent.link, clock: systemClock });
    const methods = authMethods.map(({ id }) => id);
    if (authMethod !== undefined && !methods.includes(authMethod)) {
      const nextStep = `Name one of: ${methods.join(", ")}.`;
      return { status: "fail", text: `It has no sign-in method ${authMethod}.`, nextStep };
    }
    const { loadSession, sessionCapabilities } = agentCapabilities;
    if (loadSession || (sessionCapabilities.resume ?? null) !== null)
      return { status: "ok", text: "It takes wakes and our tools, and can bring its sessions back." };
    return {
      status: "warn",
      text: "It takes wakes and our tools, and cannot bring sessions back: when it has ended it starts anew.",
    };
  } catch (error) {
    const text = `It cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
    const nextStep = "See that `command` starts it as an ACP agent, and that it is signed in.";
    return { status: "fail", text, nextStep };
  } finally {
    bounded.removeEventListener("abort", stop);
    await agent.stop(systemClock, stopsWithinMs);
  }
}
