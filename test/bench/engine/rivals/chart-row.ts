import { createActor, transition, type AnyStateMachine, type Snapshot } from "xstate";
import { participantMachine } from "../../../../machines/participant/machine.ts";
import type { ActorEvent } from "../../../../runtime/store.ts";
import { participantInput } from "../participants.ts";

/**
 * What a job library's handler does with a chart that it keeps in a row, in XState's own words: restore
 * (https://stately.ai/docs/persistence), advance by the pure transition function
 * (https://stately.ai/docs/transition), persist.
 */

/** Its types forgotten: events come out of a queue. */
const chart: AnyStateMachine = participantMachine;

export interface Advanced {
  snapshot: string;
  /** Inputs of what the chart asks to be done outside. */
  followUps: string[];
}

export function advance(snapshot: string, event: ActorEvent): Advanced {
  const stored = JSON.parse(snapshot) as Snapshot<unknown>;
  const restored = createActor(chart, { snapshot: stored }).getSnapshot();
  const [next, actions] = transition(chart, restored, { ...event, now: Date.now() });
  const followUps = actions
    .filter(({ type }) => type === "xstate.spawnChild")
    .map(({ params }) => JSON.stringify(inputOf(params)));
  return { snapshot: JSON.stringify(chart.getPersistedSnapshot(next)), followUps };
}

function inputOf(params: object | undefined): unknown {
  return params !== undefined && "input" in params ? params.input : null;
}

export function firstSnapshot(index: number): string {
  const input = { ...participantInput(index), now: Date.now() };
  return JSON.stringify(createActor(chart, { input }).getPersistedSnapshot());
}

/** The same storage settings that our own actor table has. */
export const tables = `
  create table participant (id integer primary key, version integer not null default 0, snapshot text not null)
    with (fillfactor = 50, toast_tuple_target = 8160);
  create table follow_up (participant integer not null, input text not null);`;

/** Arrays travel as one joined string, which costs clients the least. */
export const joiner = "\u001e";

/** Parameters: ids and snapshots, joined. */
export const insertRows = `
  insert into participant (id, snapshot)
  select * from unnest(string_to_array($1, ',')::integer[], string_to_array($2, e'\\x1e'))`;

/** Parameters: ids, joined. Locks in one order. */
export const readRows = `
  select id, snapshot from participant where id = any(string_to_array($1, ',')::integer[]) order by id for update`;

/** Parameters: ids and snapshots, joined. */
export const writeRows = `
  update participant set snapshot = next.snapshot, version = version + 1
  from unnest(string_to_array($1, ',')::integer[], string_to_array($2, e'\\x1e')) as next (id, snapshot)
  where participant.id = next.id`;

/** Parameter: id. */
export const readRow = "select version, snapshot from participant where id = $1";

/** Parameters: id, version read, next snapshot, inputs of follow-ups joined or null. Zero rows: somebody was faster. */
export const writeRow = `
  with written as (
    update participant set snapshot = $3, version = version + 1 where id = $1 and version = $2 returning id
  ), followed as (
    insert into follow_up select written.id, input from written, string_to_array($4, e'\\x1e') as inputs, unnest(inputs) as input
  )
  select id from written`;
