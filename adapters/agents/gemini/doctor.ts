import { programCheck, settingsCheck, versionCheck } from "../host-checks.ts";
import type { HostCheck } from "../host.ts";
import { geminiSettingsFolder } from "./connect.ts";
import { geminiInstallable } from "./installable.ts";
import { chosenSignIn, signInBy } from "./sign-in.ts";

/** It has no question for that: an answer would cost a turn. */
const signedIn: HostCheck = {
  code: "signed_in",
  step: "looking how Gemini CLI signs in",
  needsProgram: true,
  async look(host) {
    const chosen = await chosenSignIn(geminiSettingsFolder(host));
    if (chosen !== null) return { status: "ok", text: `Your settings sign in by ${chosen}.` };
    const means = signInBy(host.environment);
    if (means !== null) return { status: "ok", text: `The environment signs in by ${means}.` };
    return {
      status: "fail",
      text: "Gemini CLI is not signed in and has no key.",
      nextStep: "Run gemini and sign in, or set GEMINI_API_KEY where the node is started.",
    };
  },
};

const channels: HostCheck = {
  code: "channels",
  step: "",
  needsProgram: true,
  async look() {
    return {
      status: "ok",
      text: "Wakes are typed when it is idle, and proven by its own list of prompts.",
    };
  },
};

export const geminiChecks: readonly HostCheck[] = [
  programCheck(geminiInstallable),
  versionCheck(geminiInstallable),
  settingsCheck(geminiSettingsFolder),
  signedIn,
  channels,
];
