-- compatible-with: 0001
-- Only adds: the code of the release before runs on it. Its rows have null `changes`, wait nowhere, and are taken up by the sealer's sweep.

alter table rouse.audit add column changes text;
create index audit_before_chain on rouse.audit (workspace_id, audit_id) where changes is null;
-- `at` grows with the table, so a few pages index all of it.
create index audit_at on rouse.audit using brin (at) with (pages_per_range = 32);
create index audit_actor on rouse.audit (workspace_id, actor, audit_id);
create index audit_subject on rouse.audit (workspace_id, subject, audit_id);
create index audit_refused on rouse.audit (workspace_id, code, audit_id) where outcome = 'refused';

-- Written with the audit row in one statement, deleted with its sealing: ids are no order of commit, so no watermark over them would do.
create table rouse.audit_unsealed (
  workspace_id text collate "C" not null,
  audit_id bigint not null,
  primary key (workspace_id, audit_id)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- One row for each sealed audit row, never changed. `hash` covers the audit row, this row and the hash before.
create table rouse.audit_seal (
  workspace_id text collate "C" not null,
  seq bigint not null,
  audit_id bigint not null,
  hash text not null,
  sealed_at bigint not null,
  primary key (workspace_id, seq),
  unique (workspace_id, audit_id)
);

-- The end of the chain. Its row is the sealers' lock, and shows when seals were cut off behind its back.
create table rouse.audit_head (
  workspace_id text collate "C" not null,
  seq bigint not null,
  hash text not null,
  sealed_at bigint,
  primary key (workspace_id)
) with (fillfactor = 50);

-- A promise that the database itself keeps against any role that is no superuser, the owner included (who could grant it back).
revoke update, delete, truncate on rouse.audit, rouse.audit_seal from current_user, public;
