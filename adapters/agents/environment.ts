import type { LaunchIdentity } from "./kind.ts";

/**
 * What a launched program sees of our own environment; everything else, secrets included, stays here. TERM is the
 * terminal's to set: ours describes the one that the node was started in.
 */
const inherited = ["PATH", "HOME", "LANG", "USER", "SHELL"];

function credentialVariables({ credential }: LaunchIdentity): Record<string, string> {
  return "token" in credential ? { ROUSE_TOKEN: credential.token } : { ROUSE_TOKEN_FILE: credential.file };
}

/** Those of our own environment that there are. */
export function ownVariables(
  { baseEnv }: Pick<LaunchIdentity, "baseEnv">,
  names: readonly string[],
): Record<string, string> {
  const found = names.flatMap((name) => {
    const value = baseEnv[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

export function agentEnvironment(
  identity: LaunchIdentity,
  own: Readonly<Record<string, string>>,
  sessionId: string | null,
): Record<string, string> {
  return {
    ...ownVariables(identity, inherited),
    ...own,
    ROUSE_URL: identity.mcpUrl,
    ...credentialVariables(identity),
    ROUSE_AGENT: identity.agentId,
    ROUSE_RUNTIME: identity.runtimeId,
    ...(sessionId === null ? {} : { ROUSE_SESSION: sessionId }),
  };
}
