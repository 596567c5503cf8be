import type { Address } from "../../machines/mail.ts";
import type { Store } from "../../runtime/store.ts";

/** As by a chart that throws: the mail is set aside as a dead letter, and its actor stops. */
export async function poison(store: Store, to: Address): Promise<void> {
  const event = { type: "nudge.unknown" };
  await store.transaction((tx) => tx.send([{ to, from: "test", event }]));
  await store.transaction(async (tx) => {
    const claim = await tx.claimActor(to);
    const mail = claim?.mail.at(-1);
    if (claim === null || mail === undefined) throw new Error("expected mail");
    const { actor } = claim;
    const version = actor.version + 1;
    const error = { code: "internal", message: "guard threw", retryable: false };
    const nothing = { cause: null, transitions: [], states: [], records: [] };
    const entry = { seq: version, from: "test", event, dropped: "poison", ...nothing };
    await tx.commitTurns([
      {
        ...{ actor: { ...actor, version, status: "quarantined" }, expectedVersion: actor.version },
        ...{ consumed: [mail], deadLetters: [{ mail, error }], journal: [entry] },
        ...{ outgoing: [], published: [], timersArmed: [], timersCancelled: [], effectsRequested: [] },
        ...{ effectsCancelled: [], records: [], subscriptions: [] },
      },
    ]);
  });
}
