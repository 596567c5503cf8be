-- compatible-with: 0001
-- Only adds. Until retention is switched on nothing is ever deleted, so the code of the release before runs on it.

-- Messages below it were deleted by retention: seq stays 1..head_seq, and no reader waits for what is gone.
alter table rouse.thread add column first_seq bigint not null default 1;

-- Both grow with the table and never change: a few pages index all of it, and posts pay next to nothing.
create index idempotency_at on rouse.idempotency using brin (created_at) with (pages_per_range = 32);
create index effect_requested on rouse.effect using brin (requested_at) with (pages_per_range = 32);
