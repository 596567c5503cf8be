import type { TokenOwner, WorldOptions } from "../../adapters/ports/world.ts";
import type { TokenAuthority } from "../operations/tokens.ts";
import type { TokenFiles } from "./token-files.ts";

/** Tokens for the programs that this node launches, bound to their session. */
export function createCredentials(tokens: TokenAuthority, files: TokenFiles): WorldOptions["credentials"] {
  const { sessionMs, refreshableMs, refreshForMs } = tokens.policy;
  return {
    tokenFor: async (owner) => (await tokens.issue({ ...claimsOf(owner), lifetimeMs: sessionMs })).token,
    async tokenFileFor(owner) {
      const refresh = { forMs: refreshForMs };
      const { token } = await tokens.issue({ ...claimsOf(owner), lifetimeMs: refreshableMs, refresh });
      return files.write(owner.runtimeId, token);
    },
  };
}

function claimsOf({ agentId, runtimeId, sessionId }: TokenOwner) {
  return { agentId, runtimeId, sessionId: sessionId ?? runtimeId, role: "participant" as const };
}
