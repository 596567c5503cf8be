import { RouseError } from "../../../runtime/errors.ts";
import { programVersion } from "../program-version.ts";
import type { OpencodeDefinition } from "./definition.ts";
import { recordedVersions } from "./screens.ts";

export async function opencodeVersion(
  { command, env, readScreensAs }: OpencodeDefinition,
  signal: AbortSignal,
): Promise<{ text: string; known: boolean } | null> {
  const text = await programVersion(command, env, signal);
  if (text === null) return null;
  return {
    text,
    known: readScreensAs !== undefined || recordedVersions.some((recorded) => recorded === text),
  };
}

/** There is nothing to write: all settings travel in the environment. Throws `launch_failed` for a program that will not do. */
export async function requireOpencode(definition: OpencodeDefinition): Promise<void> {
  const version = await opencodeVersion(definition, AbortSignal.timeout(20_000));
  if (version?.known === true) return;
  const install = `npm install --global opencode-ai@${recordedVersions.at(-1)}`;
  const [program] = definition.command;
  throw version === null
    ? launchFailed(
        `opencode cannot be run as ${JSON.stringify(program)}`,
        `Install it (${install}), or name its \`command\`.`,
      )
    : launchFailed(
        `opencode ${version.text} is installed, whose screens and server are not known`,
        `Install a known version (${install}), or register the agent with \`readScreensAs\`.`,
      );
}

function launchFailed(text: string, nextStep: string): RouseError {
  return new RouseError("launch_failed", text, { nextStep });
}
