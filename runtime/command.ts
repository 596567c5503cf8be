import { applyMail } from "./decide.ts";
import type { CommandRequest, CommandResult, CreateRequest, Engine } from "./engine.ts";
import { RouseError } from "./errors.ts";
import { asJson } from "./json.ts";
import { start, statesOf, step } from "./kernel.ts";
import { closePlan, openActor, timeFor, type ActorSource } from "./open-actor.ts";
import { Plan } from "./plan.ts";
import type { EffectKey, Transaction, TurnCommit } from "./store.ts";
import { cancelledEffects, type TurnOptions } from "./turn.ts";

/** Creates and moves actors inside a caller's transaction. */

export function createEngine(options: TurnOptions): Engine {
  const { store, doorbell, onCancelled } = options;
  const cancelled: EffectKey[] = [];
  return {
    workspaceId: store.workspaceId,
    store,
    create: (tx, request) => create(tx, options, request),
    async command(tx, request) {
      const { result, commit } = await command(tx, options, request);
      cancelled.push(...cancelledEffects(commit));
      return result;
    },
    ring(work) {
      doorbell.ring(work);
      if (cancelled.length > 0) onCancelled?.(cancelled.splice(0));
    },
    onRing: (listener) => doorbell.onRing(listener),
  };
}

async function create(tx: Transaction, source: ActorSource, request: CreateRequest): Promise<void> {
  const { address, kind, input, subject = "", topics = [] } = request;
  const entry = source.registry.require(kind);
  const plan = new Plan({ address, kind, subject }, entry, null);
  const creation = { from: "engine", event: { type: "actor.created", input }, cause: null };
  plan.apply(start(entry.machine, { address, input, now: tx.now }), creation);
  // Not kept in memory: it may share objects with the caller and with the chart's own constants.
  await tx.commitTurns([plan.commit(topics)]);
}

async function command(
  tx: Transaction,
  source: ActorSource,
  { to, event: given, from }: CommandRequest,
): Promise<{ result: CommandResult; commit: TurnCommit }> {
  const claim = await tx.claimActor(to);
  if (claim === null) throw new RouseError("actor_not_found", `there is no actor ${to}`);
  if (claim.actor.status === "quarantined") throw quarantined(to);
  // What it leads to is kept in memory, whatever the caller does with the event later.
  const event = structuredClone(asJson(given, `event ${given.type}`));
  const now = timeFor(claim.actor, tx.now);
  const { entry, plan } = openActor(source, claim.actor, now);
  for (const mail of claim.mail) {
    plan.consume(mail);
    if (!applyMail(entry, plan, { mail, actor: claim.actor, now })) throw quarantined(to);
  }
  const before = statesOf(entry.machine, plan.record);
  const done = step(entry.machine, { address: to, record: plan.record, event, cause: null, now });
  plan.apply(done, { from, event, cause: null });
  const commit = closePlan(source, plan);
  await tx.commitTurns([commit]);
  const actor = { ...commit.actor, updatedAt: now };
  const taken = done.dropped === null && done.transitions.length > 0;
  return { result: { taken, before, after: done.states, actor }, commit };
}

function quarantined(address: string): RouseError {
  return new RouseError(
    "actor_quarantined",
    `${address} is quarantined: it failed on an event or a migration, or no node has its chart`,
    {
      nextStep: "See why with rouse actors quarantined; once the cause is gone, release it.",
    },
  );
}
