import { readFile } from "node:fs/promises";
import type { HostCheck } from "../host.ts";
import { type Installable, programCheck, settingsCheck, versionCheck } from "../host-checks.ts";
import { runBounded } from "../run-bounded.ts";
import { opencodeSettingsFolder } from "./connect.ts";
import { recordedVersions } from "./screens.ts";

const opencode: Installable = {
  title: "opencode",
  program: "opencode",
  package: "opencode-ai",
  recordedVersions,
};

const signedIn: HostCheck = {
  code: "signed_in",
  step: "asking opencode for its models",
  needsProgram: true,
  async look({ environment }, signal) {
    const said = await runBounded(["opencode", "models"], environment, signal);
    const models = (said?.text ?? "").split("\n").filter((line) => /^[\w.-]+\/\S+$/.test(line));
    if (said?.exitCode === 0 && models.length > 0) {
      const providers = new Set(models.map((model) => model.split("/", 1)[0]));
      return { status: "ok", text: `opencode has models of ${[...providers].join(", ")}.` };
    }
    return {
      status: "fail",
      text: "opencode has no model: it is not signed in and has no key.",
      nextStep: "Run opencode auth login, or name a provider in its settings.",
    };
  },
};

/** A living session the channel probes itself. */
const channels: HostCheck = {
  code: "channels",
  step: "trying what opencode's server needs",
  needsProgram: true,
  async look() {
    const tellsSockets = await readFile("/proc/self/net/tcp").then(
      () => true,
      () => false,
    );
    if (tellsSockets) {
      return { status: "ok", text: "Wakes go to the program's own server; the terminal comes after it." };
    }
    return {
      status: "warn",
      text: "Wakes are typed: this system does not tell where a program listens.",
      nextStep: "Nothing: typing works, and waits for drafts.",
    };
  },
};

export const opencodeChecks: readonly HostCheck[] = [
  programCheck(opencode),
  versionCheck(opencode),
  settingsCheck(opencodeSettingsFolder),
  signedIn,
  channels,
];
