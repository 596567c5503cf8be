import { RouseError } from "./errors.ts";
import { machineHash } from "./machine-hash.ts";
import { migrateActor } from "./migrate-actor.ts";
import { Plan } from "./plan.ts";
import type { MachineEntry, Registry, Route } from "./registry.ts";
import type { SnapshotCache } from "./snapshot-cache.ts";
import type { StoredActor, TurnCommit } from "./store.ts";
import { readRecord } from "./stored-snapshot.ts";

/** From a stored actor to one that mail can be applied to. Pure. */

/** Where actors are opened from. */
export interface ActorSource {
  registry: Registry;
  /** Records of actors that moved here lately; without it each is parsed from its text. */
  snapshots?: SnapshotCache;
}

export interface OpenActor {
  entry: MachineEntry;
  plan: Plan;
}

/**
 * An actor of an earlier chart is migrated on the way, as the first change of the plan.
 * Throws `machine_version_mismatch`, `machine_migration_failed`, and `internal` for a record that cannot be read.
 */
export function openActor({ registry, snapshots }: ActorSource, actor: StoredActor, now: number): OpenActor {
  const route = registry.routeFor(actor);
  // Migrations are others' code and may change what they are given, so they get a record of their own.
  const kept = route.steps.length === 0 ? (snapshots?.take(actor) ?? null) : null;
  const record = kept ?? readRecord(actor);
  const plan = new Plan(actor, route.entry, { version: actor.version, record });
  if (route.steps.length > 0) migrate(plan, { actor, route, now: timeFor(actor, now) });
  return { entry: route.entry, plan };
}

/** The plan's commit. What it leads to is kept for the next turn; after a failure only its text is sure. */
export function closePlan({ snapshots }: ActorSource, plan: Plan): TurnCommit {
  const commit = plan.commit();
  if (commit.actor.status === "active") snapshots?.put(commit.actor, plan.record);
  return commit;
}

function migrate(plan: Plan, { actor, route, now }: { actor: StoredActor; route: Route; now: number }): void {
  const { entry, steps } = route;
  const from = { version: actor.machineVersion, hash: actor.machineHash };
  const to = { version: entry.version, hash: machineHash(entry.machine) };
  try {
    const step = migrateActor(entry.machine, { address: actor.address, record: plan.record, steps, now });
    plan.apply(step, {
      from: "engine",
      event: { type: "machine.migrated", before: from, after: to },
      cause: null,
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const text = `${actor.address} could not be migrated from ${entry.kind}@${from.hash} (version ${from.version}) to ${to.hash} (version ${to.version}): ${why}`;
    throw new RouseError("machine_migration_failed", text, {
      nextStep:
        "Correct the migration, run it on every node, then release the actor; its record and its mail are kept.",
      details: { address: actor.address, kind: entry.kind, before: from, after: to },
      cause,
    });
  }
}

/** A transaction's time is that of its beginning: one that waited for the actor is older than what it finds there. */
export function timeFor({ updatedAt }: StoredActor, now: number): number {
  return Math.max(now, updatedAt);
}
