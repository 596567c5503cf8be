import { execFile } from "node:child_process";
import { mkdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { RouseError } from "../../../runtime/errors.ts";
import { requireKnownVersion } from "../installed-version.ts";
import type { CodexDefinition } from "./definition.ts";
import { codexEnvironment, codexHomeOf, userCodexHome } from "./home.ts";
import { codexInstallable } from "./installable.ts";

const run = promisify(execFile);
const answersWithinMs = 10_000;

/** Makes the agent's CODEX_HOME and signs it in. Throws `launch_failed` for what would keep Codex from working. */
export async function prepareCodex(definition: CodexDefinition, folder: string): Promise<void> {
  await requireKnownVersion(codexInstallable, definition);
  const codexHome = codexHomeOf(definition, folder);
  if (definition.home === "own") await makeHome(codexHome, userCodexHome(definition.env));
  await requireSignIn(definition, codexHome);
}

/** Signed in as the user is: Codex writes new tokens through the link, so both stay good. */
async function makeHome(codexHome: string, usersHome: string): Promise<void> {
  await mkdir(codexHome, { recursive: true, mode: 0o700 });
  const credentials = join(usersHome, "auth.json");
  if ((await stat(credentials).catch(() => null)) === null) return;
  await symlink(credentials, join(codexHome, "auth.json")).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
}

async function requireSignIn(definition: CodexDefinition, codexHome: string): Promise<void> {
  // A provider of models of one's own has credentials of its own.
  if (definition.config["model_provider"] !== undefined) return;
  const [program, ...args] = definition.command;
  const env = codexEnvironment(definition, codexHome);
  const options = { env, cwd: "/", timeout: answersWithinMs };
  const isSignedIn = await run(program, [...args, "login", "status"], options).then(
    () => true,
    () => false,
  );
  if (isSignedIn) return;
  throw new RouseError("launch_failed", "Codex is not signed in", {
    nextStep: `Run: CODEX_HOME=${codexHome} codex login`,
  });
}
