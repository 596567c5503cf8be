import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host, HostCheck } from "../host.ts";
import { programCheck, settingsCheck, versionCheck } from "../host-checks.ts";
import { runBounded } from "../run-bounded.ts";
import { toml } from "../settings/toml-format.ts";
import { codexSettingsFolder } from "./connect.ts";
import { codexInstallable } from "./installable.ts";

const signedIn: HostCheck = {
  code: "signed_in",
  step: "asking Codex whether it is signed in",
  needsProgram: true,
  async look(host, signal) {
    const said = await runBounded(["codex", "login", "status"], host.environment, signal);
    if (said?.exitCode === 0) return { status: "ok", text: "Codex is signed in." };
    if (await hasOwnProvider(host)) {
      return { status: "ok", text: "Your settings name a provider of models, with credentials of its own." };
    }
    return { status: "fail", text: "Codex is not signed in.", nextStep: "Run codex login." };
  },
};

async function hasOwnProvider(host: Host): Promise<boolean> {
  try {
    const text = await readFile(join(codexSettingsFolder(host), "config.toml"), "utf8");
    return toml.parse(text)["model_provider"] !== undefined;
  } catch {
    return false;
  }
}

/** What the channel needs of the program and the system; a living session it probes itself. */
const channels: HostCheck = {
  code: "channels",
  step: "trying what wakes of Codex need",
  needsProgram: true,
  async look({ environment }, signal) {
    const said = await runBounded(["codex", "app-server", "--help"], environment, signal);
    const hasLocks = await readFile("/proc/locks").then(
      () => true,
      () => false,
    );
    if (said?.exitCode === 0 && hasLocks) {
      return {
        status: "ok",
        text: "Wakes begin turns through Codex's app-server; the terminal comes after it.",
      };
    }
    const why = hasLocks ? "this Codex has no app-server" : "this system does not tell who holds a lock";
    return {
      status: "warn",
      text: `Wakes are typed: ${why}, so that no turn can be begun through it.`,
      nextStep: hasLocks
        ? "Install a known version of Codex."
        : "Nothing: typing works, and waits for drafts.",
    };
  },
};

export const codexChecks: readonly HostCheck[] = [
  programCheck(codexInstallable),
  versionCheck(codexInstallable),
  settingsCheck(codexSettingsFolder),
  signedIn,
  channels,
];
