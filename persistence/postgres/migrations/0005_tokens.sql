-- compatible-with: 0001
-- Only adds. A release before goes on with its own key in `rouse.setting`; before keys are rotated, all nodes must have this release.

-- One key of a workspace signs (`verifies_until` is null); it alone keeps its private part.
create table rouse.signing_key (
  workspace_id text collate "C" not null,
  kid text collate "C" not null,
  public_jwk text not null,
  private_jwk text,
  created_at bigint not null,
  created_by text not null,
  verifies_until bigint,
  retired_at bigint,
  retired_by text,
  retire_reason text,
  primary key (workspace_id, kid)
);
create unique index signing_key_current on rouse.signing_key (workspace_id) where verifies_until is null;

-- Who got a token, never the token itself.
create table rouse.token (
  workspace_id text collate "C" not null,
  token_id bigint generated always as identity,
  jti text collate "C" not null,
  agent_id text collate "C" not null,
  role text not null,
  session_id text collate "C" not null,
  runtime_id text collate "C",
  root_jti text collate "C" not null,
  authenticated_at bigint not null,
  kid text collate "C" not null,
  issued_at bigint not null,
  issued_by text not null,
  expires_at bigint not null,
  refresh_until bigint,
  primary key (workspace_id, jti)
);
create unique index token_newest on rouse.token (workspace_id, token_id);
create index token_agent on rouse.token (workspace_id, agent_id, session_id, token_id);
create index token_runtime on rouse.token (workspace_id, runtime_id, token_id) where runtime_id is not null;
create index token_expiry on rouse.token (workspace_id, expires_at);

-- All tokens of an agent (`session_id` empty), or of one of its sessions, that were first issued until then.
create table rouse.token_cutoff (
  workspace_id text collate "C" not null,
  agent_id text collate "C" not null,
  session_id text collate "C" not null,
  revoked_before bigint not null,
  revoked_by text not null,
  reason text not null,
  expires_at bigint not null,
  primary key (workspace_id, agent_id, session_id)
);

alter table rouse.revoked_token add column revoked_by text;
create index revoked_token_expiry on rouse.revoked_token (workspace_id, expires_at);

-- The key of the release before, so that its tokens stay good.
insert into rouse.signing_key (workspace_id, kid, public_jwk, private_jwk, created_at, created_by)
select s.workspace_id, k.value ->> 'kid', k.value ->> 'publicJwk', k.value ->> 'privateJwk', s.updated_at, 'engine'
from rouse.setting s
cross join lateral (select s.value::json -> 'keys' -> -1 as value) k
where s.name = 'signing-keys' and k.value ->> 'kid' is not null;
