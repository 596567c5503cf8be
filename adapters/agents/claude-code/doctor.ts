import { z } from "zod";
import { type Installable, programCheck, settingsCheck, versionCheck } from "../host-checks.ts";
import type { HostCheck } from "../host.ts";
import { programVersion } from "../program-version.ts";
import { runBounded } from "../run-bounded.ts";
import { claudeCodeSettingsFolder } from "./connect.ts";
import { recordedVersions } from "./screens.ts";

const claude: Installable = {
  title: "Claude Code",
  program: "claude",
  package: "@anthropic-ai/claude-code",
  recordedVersions,
};

const standing = z.object({ loggedIn: z.boolean() });

const signedIn: HostCheck = {
  code: "signed_in",
  step: "asking Claude Code whether it is signed in",
  needsProgram: true,
  async look({ environment }, signal) {
    const version = await programVersion(["claude"], environment, signal);
    // One that does not know the question would take it for a prompt.
    if (!recordedVersions.some((known) => known === version)) {
      return {
        status: "warn",
        text: "This version is not asked whether it is signed in.",
        nextStep: "Run claude and see.",
      };
    }
    const said = await runBounded(["claude", "auth", "status"], environment, signal);
    if (isSignedIn(said?.text ?? ""))
      return { status: "ok", text: "Claude Code is signed in, or has a key." };
    return {
      status: "fail",
      text: "Claude Code is not signed in and has no key.",
      nextStep: "Run claude auth login, or set ANTHROPIC_API_KEY where the node is started.",
    };
  },
};

function isSignedIn(said: string): boolean {
  try {
    return standing.parse(JSON.parse(said)).loggedIn;
  } catch {
    return false;
  }
}

const channels: HostCheck = {
  code: "channels",
  step: "",
  needsProgram: true,
  async look() {
    return {
      status: "ok",
      text: "Wakes are typed when it is idle, and proven by its own record of prompts.",
    };
  },
};

export const claudeCodeChecks: readonly HostCheck[] = [
  programCheck(claude),
  versionCheck(claude),
  settingsCheck(claudeCodeSettingsFolder),
  signedIn,
  channels,
];
