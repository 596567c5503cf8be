-- compatible-with: 0001
-- Claims actors with mail that nobody else holds, longest waiting first, in one round trip: first one row for each of them,
-- then, with the actor's columns null, one for each mail in order of arrival.
-- The mail is read by a statement of its own: its snapshot begins after the locks, so mail that an earlier holder consumed is
-- gone from it. One statement doing both would share an older snapshot.
-- The settings and every "offset 0" keep the plans on the indexes, made once, whatever the statistics of a young or emptied
-- table say: a lateral subquery with an offset stays one, looked up row by row. Null `known_hashes`: any chart.
create function rouse.claim_ready(
  of_workspace text, shard_count integer, actor_limit integer, known_hashes text[]
) returns table (
  address text, kind text, subject text, version bigint, status text, machine_version text, machine_hash text,
  record text, updated_at bigint, seq bigint, sender text, event text, cause text, sent_at bigint
)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  -- Enough that several claimers at once find actors of their own.
  heads_per_shard integer := greatest(4, (3 * actor_limit + shard_count - 1) / shard_count);
  -- Without any, no mail has to be looked up for being held back.
  has_quarantined constant boolean := exists (
    select 1 from rouse.actor q where q.workspace_id = of_workspace and q.status = 'quarantined'
  );
  -- Read before anything is looked at. A sender whose mail was not yet to be seen then sends its next one with a greater seq:
  -- without this bound that next one could be taken first.
  last_seq bigint;
  deepest_head integer;
  waiting text[];
  waiting_shards smallint[];
  waiting_seqs bigint[];
  locked text[];
  shards smallint[];
  first_seqs bigint[];
  rows_per_actor integer;
begin
  select q.last_value into last_seq from rouse.mailbox_seq_seq q;
  if has_quarantined then
    perform rouse.hold_mail(of_workspace, shard_count, heads_per_shard);
  end if;
  loop
    select array_agg(r.address), array_agg(r.shard), array_agg(r.first_seq), max(r.place)
    into waiting, waiting_shards, waiting_seqs, deepest_head
    from (
      select h.address, s.shard::smallint as shard, min(h.seq) as first_seq, max(h.place) as place
      from generate_series(0, shard_count - 1) as s(shard)
      cross join lateral (
        select m.address, m.seq, row_number() over (order by m.seq) as place
        from rouse.mailbox m
        where m.workspace_id = of_workspace and m.shard = s.shard::smallint
          and not (has_quarantined and exists (
            select 1 from rouse.actor q
            where q.workspace_id = of_workspace and q.address = m.address and q.status = 'quarantined' offset 0
          ))
          and (known_hashes is null or exists (
            select 1 from rouse.actor k
            where k.workspace_id = of_workspace and k.address = m.address and k.machine_hash = any(known_hashes) offset 0
          ))
        order by m.seq
        limit heads_per_shard
      ) h
      group by h.address, s.shard
      order by first_seq
    ) r;
    if waiting is null then
      return;
    end if;
    -- Few shards hold all the mail: looked into once more, deeper.
    exit when cardinality(waiting) >= 2 * actor_limit or deepest_head < heads_per_shard or heads_per_shard >= actor_limit;
    heads_per_shard := least(actor_limit, heads_per_shard * greatest(2, 3 * actor_limit / cardinality(waiting)));
  end loop;
  -- They come in order, and no more are locked than the limit.
  select array_agg(l.address), array_agg(l.shard), array_agg(l.first_seq)
  into locked, shards, first_seqs
  from (
    select a.address, r.shard, r.first_seq
    from unnest(waiting, waiting_shards, waiting_seqs) as r(address, shard, first_seq)
    cross join lateral (
      select a.address from rouse.actor a
      where a.workspace_id = of_workspace and a.address = r.address and a.status <> 'quarantined'
        and (known_hashes is null or a.machine_hash = any(known_hashes))
      offset 0
      for update skip locked
    ) a
    limit actor_limit
  ) l;
  if locked is null then
    return;
  end if;
  return query
    select a.*, null::bigint, null::text, null::text, null::text, null::bigint
    from unnest(locked) as l(address)
    cross join lateral (
      select a.address, a.kind, a.subject, a.version, a.status, a.machine_version, a.machine_hash, a.record, a.updated_at
      from rouse.actor a where a.workspace_id = of_workspace and a.address = l.address
      offset 0
    ) a;
  -- Bounds what is looked at however much mail waits; what is behind comes with later claims.
  rows_per_actor := greatest(4, 1024 / cardinality(locked));
  return query
    select m.address, null::text, null::text, null::bigint, null::text, null::text, null::text, null::text, null::bigint,
           m.seq, m.sender, m.event, m.cause, m.sent_at
    from (
      select x.shard, min(x.first_seq) as first_seq, least(1024, greatest(16, rows_per_actor * count(*))) as row_limit
      from unnest(shards, first_seqs) as x(shard, first_seq)
      group by x.shard
    ) s
    cross join lateral (
      select * from rouse.mailbox b
      where b.workspace_id = of_workspace and b.shard = s.shard and b.seq >= s.first_seq and b.seq <= last_seq
      order by b.seq
      limit s.row_limit
    ) m
    -- "is true" keeps the list a hashed set; a plain IN would be joined row by row.
    where (m.address in (select unnest(locked))) is true
    order by m.seq;
end
$$;

-- Mail of quarantined actors leaves the shards that claims look at for others behind them (shard + shard_count): each is
-- looked at once, not by every claim. Their release, under the same lock, brings it back.
create function rouse.hold_mail(of_workspace text, shard_count integer, heads_per_shard integer) returns void
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan
as $$
declare
  moved_now integer;
  moved integer := 0;
begin
  loop
    with met as materialized (
      select h.place, h.address
      from generate_series(0, shard_count - 1) as s(shard)
      cross join lateral (
        select m.ctid as place, m.address from rouse.mailbox m
        where m.workspace_id = of_workspace and m.shard = s.shard::smallint
        order by m.seq
        limit heads_per_shard
      ) h
      cross join lateral (
        select 1 from rouse.actor q
        where q.workspace_id = of_workspace and q.address = h.address and q.status = 'quarantined' offset 0
      ) q
    ), held as materialized (
      select a.address
      from (select distinct met.address from met) d
      cross join lateral (
        select q.address from rouse.actor q
        where q.workspace_id = of_workspace and q.address = d.address and q.status = 'quarantined'
        offset 0
        for update skip locked
      ) a
    ), set_aside as (
      update rouse.mailbox m set shard = m.shard + shard_count::smallint
      from (select met.place from met where (met.address in (select held.address from held)) is true) x
      where m.ctid = x.place
      returning 1
    )
    select count(*) into moved_now from set_aside;
    moved := moved + moved_now;
    -- The claim does not wait for all of a large heap.
    exit when moved_now = 0 or moved >= 10000;
    heads_per_shard := 4 * heads_per_shard;
  end loop;
end
$$;
