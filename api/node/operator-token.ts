import type { TokenAuthority, TokenWatch } from "../operations/tokens.ts";
import type { Home } from "./home.ts";

const renewalMs = 3_600_000;
const retryMs = 2_000;

/**
 * Keeps the token in the home folder good: the CLI of the same user reads it. Renewed long before it expires, and at once
 * when it was revoked, for instance with the key that signed it. Returns the function that ends the renewal.
 */
export async function keepOperatorToken(parts: {
  home: Home;
  tokens: TokenAuthority;
  onError: (context: string, error: unknown) => void;
}): Promise<() => void> {
  const { home, tokens, onError } = parts;
  let watch: TokenWatch | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isOver = false;

  const renew = async (): Promise<void> => {
    const { token } = await tokens.issue({
      ...{ agentId: "operator", role: "operator", sessionId: "cli" },
      lifetimeMs: tokens.policy.sessionMs,
    });
    home.writeOperatorToken(token);
    watch?.close();
    watch = tokens.watch(await tokens.verify(token));
    watch.signal.addEventListener("abort", () => renewIn(0), { once: true });
  };
  const renewIn = (ms: number): void => {
    if (timer !== null) clearTimeout(timer);
    if (!isOver) timer = setTimeout(() => void renewSafely(), ms);
  };
  const renewSafely = async (): Promise<void> => {
    try {
      await renew();
      renewIn(Math.min(renewalMs, tokens.policy.sessionMs / 2));
      await tokens.prune();
    } catch (error) {
      onError("operator token", error);
      renewIn(retryMs);
    }
  };

  await renew();
  renewIn(Math.min(renewalMs, tokens.policy.sessionMs / 2));
  return () => {
    isOver = true;
    watch?.close();
    if (timer !== null) clearTimeout(timer);
  };
}
