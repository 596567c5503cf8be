-- Every table is one workspace's: workspace_id leads each primary key, no foreign key, unique key or trigger crosses it.
-- Times are epoch milliseconds. JSON is text where no query looks inside (half the server time of jsonb).
-- Keys compare by bytes (collate "C"): faster, and the same order as in the program.

create table rouse.actor (
  workspace_id text collate "C" not null,
  address text collate "C" not null,
  kind text collate "C" not null,
  subject text collate "C" not null,
  version bigint not null,
  status text not null,
  machine_version text not null,
  machine_hash text not null,
  record text not null,
  created_at bigint not null,
  updated_at bigint not null,
  primary key (workspace_id, address)
) with (fillfactor = 50, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
create index actor_kind on rouse.actor (workspace_id, kind, address);
create index actor_subject on rouse.actor (workspace_id, kind, subject) where subject <> '';
create index actor_quarantined on rouse.actor (workspace_id, address) where status = 'quarantined';

create table rouse.subscription (
  workspace_id text collate "C" not null,
  topic text collate "C" not null,
  address text collate "C" not null,
  shard smallint not null,
  primary key (workspace_id, topic, address)
);

-- Insert and delete only, never updated; no second index.
create table rouse.mailbox (
  workspace_id text collate "C" not null,
  shard smallint not null,
  seq bigint generated always as identity,
  address text collate "C" not null,
  sender text not null,
  event text not null,
  cause text,
  sent_at bigint not null,
  primary key (workspace_id, shard, seq)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

create table rouse.timer (
  workspace_id text collate "C" not null,
  address text collate "C" not null,
  timer_id text collate "C" not null,
  shard smallint not null,
  incarnation bigint not null,
  due_at bigint not null,
  event text not null,
  cause text not null,
  primary key (workspace_id, address, timer_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index timer_due on rouse.timer (workspace_id, due_at, address, timer_id);

create table rouse.effect (
  workspace_id text collate "C" not null,
  address text collate "C" not null,
  incarnation bigint not null,
  shard smallint not null,
  invoke_id text not null,
  port text not null,
  input text not null,
  -- Empty: any host.
  host text collate "C" not null,
  exclusive_key text collate "C",
  correlation text collate "C",
  status text not null,
  attempt integer not null default 0,
  node_id text,
  lease_token bigint not null default 0,
  lease_expires_at bigint,
  run_at bigint not null,
  requested_at bigint not null,
  claimed_at bigint,
  -- The mark before the first outside act of the running attempts; cleared by a settled retry.
  started_at bigint,
  finished_at bigint,
  outcome text,
  primary key (workspace_id, address, incarnation)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index effect_pending on rouse.effect (workspace_id, host, run_at) where status = 'pending';
create index effect_running on rouse.effect (workspace_id, lease_expires_at) where status = 'running';
create index effect_correlation on rouse.effect (workspace_id, correlation) where correlation is not null;
create unique index effect_exclusive on rouse.effect (workspace_id, exclusive_key)
  where status = 'running' and exclusive_key is not null;

create table rouse.effect_attempt (
  workspace_id text collate "C" not null,
  address text collate "C" not null,
  incarnation bigint not null,
  attempt integer not null,
  node_id text not null,
  lease_token bigint not null,
  claimed_at bigint not null,
  started_at bigint,
  finished_at bigint,
  outcome text,
  error text,
  primary key (workspace_id, address, incarnation, attempt)
);

-- journal_id is an order of arrival, not of commit: a reader that follows it may see a smaller one later.
create table rouse.journal (
  workspace_id text collate "C" not null,
  journal_id bigint generated always as identity,
  address text collate "C" not null,
  seq bigint not null,
  at bigint not null,
  machine_hash text not null,
  entry text not null,
  primary key (workspace_id, journal_id),
  unique (workspace_id, address, seq)
);

create table rouse.dead_letter (
  workspace_id text collate "C" not null,
  dead_letter_id bigint generated always as identity,
  address text collate "C" not null,
  sender text not null,
  event text not null,
  error text not null,
  at bigint not null,
  primary key (workspace_id, dead_letter_id)
);

create table rouse.thread (
  workspace_id text collate "C" not null,
  thread_id text collate "C" not null,
  title text not null,
  type text not null,
  created_by text not null,
  created_at bigint not null,
  status text not null,
  status_reason text not null,
  status_by text not null,
  updated_at bigint not null,
  head_seq bigint not null default 0,
  primary key (workspace_id, thread_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index thread_newest on rouse.thread (workspace_id, created_at, thread_id);

create table rouse.message (
  workspace_id text collate "C" not null,
  thread_id text collate "C" not null,
  seq bigint not null,
  author text collate "C" not null,
  author_role text not null,
  kind text not null,
  body text not null,
  -- Null is a broadcast.
  addressees text[] collate "C",
  in_reply_to bigint,
  created_at bigint not null,
  primary key (workspace_id, thread_id, seq)
);

create table rouse.member (
  workspace_id text collate "C" not null,
  thread_id text collate "C" not null,
  agent_id text collate "C" not null,
  joined_at bigint not null,
  last_read_seq bigint not null default 0,
  head_seq bigint not null default 0,
  primary key (workspace_id, thread_id, agent_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index member_unread on rouse.member (workspace_id, thread_id, agent_id) where head_seq > last_read_seq;
create index member_agent on rouse.member (workspace_id, agent_id, thread_id);

create table rouse.agent (
  workspace_id text collate "C" not null,
  agent_id text collate "C" not null,
  kind text,
  definition text,
  host text,
  session_id text,
  session_host text,
  session_resumable boolean,
  last_heartbeat_at bigint,
  paused boolean not null default false,
  primary key (workspace_id, agent_id)
) with (fillfactor = 70);

create table rouse.wake (
  workspace_id text collate "C" not null,
  wake_id text collate "C" not null,
  thread_id text collate "C" not null,
  agent_id text collate "C" not null,
  head_seq bigint not null,
  opened_at bigint not null,
  acknowledged_at bigint,
  acknowledged_by text,
  closed_at bigint,
  outcome text,
  reason text,
  primary key (workspace_id, wake_id)
) with (fillfactor = 80);
create index wake_newest on rouse.wake (workspace_id, opened_at, wake_id);
create index wake_thread on rouse.wake (workspace_id, thread_id, opened_at);
create index wake_agent on rouse.wake (workspace_id, agent_id, opened_at);

create table rouse.escalation (
  workspace_id text collate "C" not null,
  escalation_id bigint generated always as identity,
  thread_id text collate "C",
  agent_id text collate "C",
  reason text not null,
  detail text not null,
  raised_at bigint not null,
  primary key (workspace_id, escalation_id)
);

create table rouse.idempotency (
  workspace_id text collate "C" not null,
  caller text collate "C" not null,
  key text collate "C" not null,
  operation text not null,
  fingerprint text not null,
  response text not null,
  created_at bigint not null,
  primary key (workspace_id, caller, key)
);

create table rouse.audit (
  workspace_id text collate "C" not null,
  audit_id bigint generated always as identity,
  at bigint not null,
  actor text not null,
  role text not null,
  operation text not null,
  subject text not null,
  outcome text not null,
  code text,
  reason text,
  details text not null,
  request_id text,
  primary key (workspace_id, audit_id)
);

create table rouse.revoked_token (
  workspace_id text collate "C" not null,
  jti text collate "C" not null,
  expires_at bigint not null,
  reason text not null,
  revoked_at bigint not null,
  primary key (workspace_id, jti)
);

create table rouse.setting (
  workspace_id text collate "C" not null,
  name text collate "C" not null,
  value text not null,
  updated_at bigint not null,
  primary key (workspace_id, name)
);

create table rouse.node (
  workspace_id text collate "C" not null,
  node_id text collate "C" not null,
  host text collate "C" not null,
  url text not null,
  beat_at bigint not null,
  primary key (workspace_id, node_id)
) with (fillfactor = 50);
