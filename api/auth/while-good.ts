import type { Authenticated } from "./authenticate.ts";

/**
 * Runs a call that may wait: longer than the first look at its token holds, and than its client may stay. The wait ends
 * early with either. Throws why the token is refused by then: what it waited for is not for its caller any more.
 */
export async function whileGood<Result>(
  { caller, workspace }: Authenticated,
  cancelled: AbortSignal,
  run: (ending: { signal: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  const token = workspace.tokens.watch(caller);
  try {
    const result = await run({ signal: AbortSignal.any([cancelled, token.signal]) });
    if (token.signal.aborted) throw token.signal.reason;
    return result;
  } finally {
    token.close();
  }
}

/** Only a call that says so waits. */
export function mayWait(input: unknown): boolean {
  return typeof input === "object" && input !== null && "wait_s" in input;
}
