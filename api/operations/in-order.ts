/**
 * Waits for statements of one transaction that were sent in one go. Of their failures the first in the list counts: what
 * comes after it only says that the transaction is over, and may be told sooner.
 */
export async function inOrder<const Work extends readonly Promise<unknown>[]>(
  work: Work,
): Promise<{ -readonly [Index in keyof Work]: Awaited<Work[Index]> }> {
  const outcomes = await Promise.allSettled(work);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return Promise.all(work);
}
