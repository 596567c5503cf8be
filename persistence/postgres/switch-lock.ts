import type { Scope } from "./scope.ts";

/**
 * Whoever joins a thread reads what is paused, and whoever pauses or resumes tells all who have joined. They wait for each
 * other: else a newcomer keeps for ever what it read before a switch that it did not hear of.
 */

/** One lock for each workspace; the first number only has to be ours. */
const lockClass = 7_266_875;

/** Until the end of the transaction nobody switches. */
export async function holdSwitches({ sql, workspaceId }: Scope): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${lockClass}, hashtext(${workspaceId}))`;
}

/** Until the end of the transaction nobody joins. */
export async function takeSwitches({ sql, workspaceId }: Scope): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockClass}, hashtext(${workspaceId}))`;
}
