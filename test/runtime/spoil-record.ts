import type { Address } from "../../machines/mail.ts";
import { setAside } from "../../runtime/quarantine.ts";
import type { Store, StoredActor } from "../../runtime/store.ts";

/** Gives the actor a record that no node can read. */
export async function spoilRecord(
  store: Store,
  address: Address,
  change: Partial<Pick<StoredActor, "record" | "machineHash">> = {},
): Promise<void> {
  await store.transaction(async (tx) => {
    const claim = await tx.claimActor(address);
    if (claim === null) throw new Error(`no actor ${address}`);
    const commit = setAside(claim.actor, null);
    const { status } = claim.actor;
    await tx.commitTurns([
      { ...commit, journal: [], actor: { ...commit.actor, status, record: "{", ...change } },
    ]);
  });
}
