import { mkdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const chosen = z.object({ security: z.object({ auth: z.object({ selectedType: z.string() }) }) });

/** How a person chose to sign in, as the program names it, by the settings in `folder`; null when that cannot be told. */
export async function chosenSignIn(folder: string): Promise<string | null> {
  try {
    const text = await readFile(join(folder, "settings.json"), "utf8");
    return chosen.parse(JSON.parse(text)).security.auth.selectedType;
  } catch {
    return null;
  }
}

/** The one that an environment has the means for; null when it has none. */
export function signInBy(environment: Readonly<Record<string, string | undefined>>): string | null {
  if (environment["GOOGLE_GENAI_USE_GCA"] === "true") return "oauth-personal";
  if (environment["GOOGLE_GENAI_USE_VERTEXAI"] === "true") return "vertex-ai";
  return (environment["GEMINI_API_KEY"] ?? "") === "" ? null : "gemini-api-key";
}

/** What it signs in with: the account's tokens, the account, and keys that were typed in. */
const credentials = ["oauth_creds.json", "google_accounts.json", "gemini-credentials.json"];

/** Signed in as the user is: new tokens are written through the links, so that both stay good. */
export async function linkCredentials(usersFolder: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of credentials) {
    if ((await stat(join(usersFolder, name)).catch(() => null)) === null) continue;
    await symlink(join(usersFolder, name), join(folder, name)).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
  }
}
