/**
 * Waits for statements that were sent without waiting for each other's answers. Throws the failure of the first in the
 * list: what comes after it on the connection only says that the transaction is aborted, and may arrive sooner.
 */
export async function inFlight<const Statements extends readonly unknown[]>(
  statements: Statements,
): Promise<{ -readonly [Index in keyof Statements]: Awaited<Statements[Index]> }> {
  const outcomes = await Promise.allSettled(statements);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return Promise.all(statements);
}
