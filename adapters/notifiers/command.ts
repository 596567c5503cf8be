import { runCommand } from "../../machines/notifier/ports.ts";
import { RouseError } from "../../runtime/errors.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import { runBounded } from "../agents/run-bounded.ts";
import { bodyOf, titleOf } from "./text.ts";

export interface CommandOptions {
  /** Program and its first arguments; title and text follow as two more. Run without a shell. */
  argv: readonly [string, ...string[]];
  withDetails: boolean;
  baseEnv: Readonly<Record<string, string | undefined>>;
}

/** What a desktop needs besides a program's own; our secrets stay here. */
const inherited = [
  "PATH",
  "HOME",
  "USER",
  "LANG",
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "XAUTHORITY",
  "XDG_RUNTIME_DIR",
  "DBUS_SESSION_BUS_ADDRESS",
];

export function runCommandPort({ argv, withDetails, baseEnv }: CommandOptions): AnyPortImplementation {
  const env = Object.fromEntries(inherited.map((name) => [name, baseEnv[name]]));
  return implementPort(runCommand, async ({ input: { notification }, signal }) => {
    // Neither begins with a dash, so that no program takes them for an option.
    const said = [titleOf(notification), bodyOf(notification, { withDetails })];
    const ended = await runBounded([...argv, ...said], env, signal);
    if (ended?.exitCode === 0) return {};
    const what = ended === null ? "could not be run, or did not end in time" : `ended with ${ended.exitCode}`;
    throw new RouseError("port_failed", `${argv[0]} ${what}`, {
      nextStep: "Correct notifications.command, then rouse notifications test.",
    });
  });
}
