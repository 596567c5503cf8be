import { mayAnswer } from "./chart-ports.ts";
import { RouseError } from "./errors.ts";
import { step } from "./kernel.ts";
import { closePlan, openActor, timeFor, type ActorSource, type OpenActor } from "./open-actor.ts";
import type { Plan } from "./plan.ts";
import { setAside } from "./quarantine.ts";
import type { MachineEntry } from "./registry.ts";
import type { Claim, Mail, StoredActor, TurnCommit } from "./store.ts";

/** The decision of a turn: a claimed actor and its mail become one commit. Pure. */

/** The next record of an actor and all it asks for. */
export function decide(source: ActorSource, claim: Claim, now: number): TurnCommit {
  let opened: OpenActor;
  try {
    opened = openActor(source, claim.actor, now);
  } catch (error) {
    return setAside(claim.actor, error);
  }
  const { entry, plan } = opened;
  const at = timeFor(claim.actor, now);
  for (const [index, mail] of claim.mail.entries()) {
    plan.consume(mail);
    try {
      apply(entry, plan, { mail, actor: claim.actor, now: at });
    } catch (error) {
      return refuse(source, claim, { index, error, now });
    }
  }
  return closePlan(source, plan);
}

/** Sets one mail aside after those before it. All anew: a chart may have changed its context in place before it threw. */
function refuse(
  source: ActorSource,
  { actor, mail }: Claim,
  { index, error, now }: { index: number; error: unknown; now: number },
): TurnCommit {
  const { entry, plan } = openActor(source, actor, now);
  for (const each of mail.slice(0, index)) {
    plan.consume(each);
    apply(entry, plan, { mail: each, actor, now: timeFor(actor, now) });
  }
  const refused = mail[index];
  if (refused !== undefined) {
    plan.consume(refused);
    plan.quarantine(refused, error);
  }
  return plan.commit();
}

export function refuseFirst(
  source: ActorSource,
  claim: Claim,
  failure: { error: unknown; now: number },
): TurnCommit {
  return refuse(source, claim, { index: 0, ...failure });
}

interface Application {
  mail: Mail;
  actor: StoredActor;
  now: number;
}

/** False when the chart cannot process it; the plan is of no more use then. */
export function applyMail(entry: MachineEntry, plan: Plan, application: Application): boolean {
  try {
    apply(entry, plan, application);
    return true;
  } catch {
    return false;
  }
}

function apply(entry: MachineEntry, plan: Plan, { mail, actor, now }: Application): void {
  const { event, cause } = mail;
  const { record } = plan;
  if (cause?.type === "invoke" && record.invokes[cause.id] === cause.incarnation)
    requireAnswer(entry, cause.id, mail.from);
  plan.apply(step(entry.machine, { address: actor.address, record, event, cause, now }), mail);
}

/** A migration may have kept an invoke whose port is another one now: what the old one answers means nothing to the chart. */
function requireAnswer({ kind, machine }: MachineEntry, invokeId: string, sender: string): void {
  if (mayAnswer(machine, invokeId, sender)) return;
  throw new RouseError(
    "port_value_invalid",
    `${sender} answered for invoke ${invokeId}, which asks another port in this chart of ${kind}`,
    { nextStep: `Let the migration to this chart list ${invokeId} under restarts.` },
  );
}
