-- compatible-with: 0001
-- Only adds: the code of the release before runs on it. New columns have defaults or may be null.

-- A dead letter is decided over once and kept. `cause` and `journal_seq` are null in rows of the release before.
alter table rouse.dead_letter
  add column cause text,
  add column journal_seq bigint,
  add column status text not null default 'open',
  add column decided_by text,
  add column decided_at bigint,
  add column reason text;
create index dead_letter_open on rouse.dead_letter (workspace_id, dead_letter_id) where status = 'open';
create index dead_letter_address on rouse.dead_letter (workspace_id, address, dead_letter_id);

-- A lease now outlives the cancellation of an effect with an exclusive key: until its performer has stopped, or it ran out.
-- So the key is taken as long as there is a lease. The index by status would let a second one begin.
create unique index effect_exclusive_held on rouse.effect (workspace_id, exclusive_key)
  where exclusive_key is not null and lease_expires_at is not null;
create index effect_withdrawn on rouse.effect (workspace_id, lease_expires_at)
  where status = 'cancelled' and lease_expires_at is not null;
-- Few, and looked for: what a person should see.
create index effect_unwell on rouse.effect (workspace_id, status, finished_at) where status in ('failed', 'uncertain');

-- One process per id: `instance` is new with every start. Empty in rows of the release before.
alter table rouse.node
  add column instance text not null default '',
  add column process text,
  add column charts text not null default '[]',
  add column draining boolean not null default false,
  add column started_at bigint;
