import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { RouseError } from "../../../runtime/errors.ts";
import { requireKnownVersion } from "../installed-version.ts";
import { readJsonObject, writeJson, writePrivately } from "../json-file.ts";
import type { LaunchIdentity } from "../kind.ts";
import { isObject, type Settings } from "../settings/entry.ts";
import { serverName } from "./connect.ts";
import type { GeminiDefinition } from "./definition.ts";
import { geminiFolder, userGeminiFolder } from "./home.ts";
import { geminiInstallable } from "./installable.ts";
import { modelEnvironment } from "./launch.ts";
import { filesIn, hookCommand, readProcessFiles, script } from "./process-files.ts";
import { chosenSignIn, linkCredentials, signInBy } from "./sign-in.ts";

/** Longest an answer of ours may take: a read that waits for messages is bounded below that. */
const serverTimeoutMs = 120_000;

const hook = (noted: Parameters<typeof hookCommand>[0]) => [
  { hooks: [{ type: "command", name: serverName, command: hookCommand(noted), timeout: 5_000 }] },
];

/** Address and token come from the program's environment; without the background's colour its box can be told from quotations. */
const ours = {
  general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
  ide: { hasSeenNudge: true },
  ui: { useBackgroundColor: false, escapePastedAtSymbols: true },
  hooks: { SessionStart: hook("started"), BeforeAgent: hook("busy"), AfterAgent: hook("idle") },
  mcpServers: {
    [serverName]: {
      httpUrl: "$ROUSE_URL",
      headers: { Authorization: "Bearer $ROUSE_TOKEN" },
      timeout: serverTimeoutMs,
      // An agent that was woken has nobody to ask.
      trust: true,
    },
  },
};

/** Makes the agent's home and signs it in. Throws `launch_failed` for what would keep Gemini CLI from working. */
export async function prepareGemini(
  definition: GeminiDefinition,
  identity: LaunchIdentity,
  folder: string,
): Promise<void> {
  await requireKnownVersion(geminiInstallable, definition);
  const usersFolder = userGeminiFolder(definition.env);
  const own = geminiFolder(folder);
  await linkCredentials(usersFolder, own);
  const path = join(own, "settings.json");
  const former = await readJsonObject(path, "Repair or remove it: it is the agent's own.");
  const wanted = merge(merge(former, definition.settings), ours);
  const environment = modelEnvironment(definition, identity);
  const selectedType = signInOf(wanted) ?? (await chosenSignIn(usersFolder)) ?? signInBy(environment);
  if (selectedType === null) {
    throw new RouseError("launch_failed", "Gemini CLI is not signed in, and has no key", {
      nextStep: "Run gemini and sign in, or set GEMINI_API_KEY where the node is started.",
    });
  }
  const settings = merge(wanted, { security: { auth: { selectedType } } });
  if (!isDeepStrictEqual(settings, former)) await writeJson(path, settings);
  await prepareHooks(folder);
}

async function prepareHooks(folder: string): Promise<void> {
  const { script: path, processes } = filesIn(folder);
  await writePrivately(path, script);
  await mkdir(processes, { recursive: true, mode: 0o700 });
  for (const { pid, isAlive } of await readProcessFiles(folder))
    if (!isAlive) await rm(join(processes, String(pid)), { force: true });
}

function signInOf({ security }: Settings): string | null {
  const auth = isObject(security) ? security["auth"] : undefined;
  const chosen = isObject(auth) ? auth["selectedType"] : undefined;
  return typeof chosen === "string" ? chosen : null;
}

/** What `over` says comes first, down to what is no object. */
function merge(under: Settings, over: Settings): Settings {
  const merged = Object.entries(over).map(([name, value]) => {
    const former = Object.hasOwn(under, name) ? under[name] : undefined;
    return [name, isObject(former) && isObject(value) ? merge(former, value) : value] as const;
  });
  return { ...under, ...Object.fromEntries(merged) };
}
