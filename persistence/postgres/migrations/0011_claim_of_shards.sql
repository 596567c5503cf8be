-- compatible-with: 0001
-- Only adds. Claims as 0003 does, within the shards that are named (null: all), so that claimers at the same time need not meet; and
-- cheaper: little mail is found by one look instead of one for each shard, no more heads are read than will do if nobody else holds
-- them, and an actor is read by the statement that locks it. Actors may be passed over (null: none): however much mail of theirs
-- stands first, what is behind it is found.
create function rouse.claim_ready(
  of_workspace text, shard_count integer, of_shards integer[], actor_limit integer, known_hashes text[],
  passed_over text[]
) returns table (
  address text, kind text, subject text, version bigint, status text, machine_version text, machine_hash text,
  record text, updated_at bigint, seq bigint, sender text, event text, cause text, sent_at bigint
)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  all_shards constant smallint[] := coalesce(
    of_shards::smallint[], (select array_agg(s::smallint) from generate_series(0, shard_count - 1) as s)
  );
  -- So much mail is found by one look at all shards.
  little constant integer := 64;
  is_all_found boolean := false;
  -- A few more than will do: an actor may have two.
  heads_per_shard integer := greatest(4, 1 + 5 * actor_limit / (4 * greatest(1, cardinality(all_shards))));
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
  claimed rouse.actor[];
  claimed_shards smallint[];
  first_seqs bigint[];
  rows_per_actor integer;
begin
  select q.last_value into last_seq from rouse.mailbox_seq_seq q;
  if has_quarantined then
    perform rouse.hold_mail(of_workspace, shard_count, heads_per_shard);
  end if;
  if of_shards is null then
    select array_agg(r.address), array_agg(r.shard), array_agg(r.first_seq), coalesce(sum(r.mails), 0) < little
    into waiting, waiting_shards, waiting_seqs, is_all_found
    from (
      select f.address, f.shard, min(f.seq) as first_seq, count(*) as mails
      from (
        select m.address, m.shard, m.seq from rouse.mailbox m
        where m.workspace_id = of_workspace and m.shard >= 0::smallint and m.shard < shard_count::smallint
          and not (has_quarantined and exists (
            select 1 from rouse.actor q
            where q.workspace_id = of_workspace and q.address = m.address and q.status = 'quarantined' offset 0
          ))
          and (passed_over is null or m.address <> all(passed_over))
          and (known_hashes is null or exists (
            select 1 from rouse.actor k
            where k.workspace_id = of_workspace and k.address = m.address and k.machine_hash = any(known_hashes) offset 0
          ))
        limit little
      ) f
      group by f.address, f.shard
      order by first_seq
    ) r;
  end if;
  loop
    if not is_all_found then
      select array_agg(r.address), array_agg(r.shard), array_agg(r.first_seq), max(r.place)
      into waiting, waiting_shards, waiting_seqs, deepest_head
      from (
        select h.address, s.shard, min(h.seq) as first_seq, max(h.place) as place
        from unnest(all_shards) as s(shard)
        cross join lateral (
          select m.address, m.seq, row_number() over (order by m.seq) as place
          from rouse.mailbox m
          where m.workspace_id = of_workspace and m.shard = s.shard
            and not (has_quarantined and exists (
              select 1 from rouse.actor q
              where q.workspace_id = of_workspace and q.address = m.address and q.status = 'quarantined' offset 0
            ))
            and (passed_over is null or m.address <> all(passed_over))
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
    end if;
    if waiting is null then
      return;
    end if;
    -- They come in order, and no more are locked than the limit. Those of an earlier pass are this transaction's already.
    select array_agg(l.actor), array_agg(l.shard), array_agg(l.first_seq)
    into claimed, claimed_shards, first_seqs
    from (
      select a.actor, r.shard, r.first_seq
      from unnest(waiting, waiting_shards, waiting_seqs) as r(address, shard, first_seq)
      cross join lateral (
        select a as actor from rouse.actor a
        where a.workspace_id = of_workspace and a.address = r.address and a.status <> 'quarantined'
          and (known_hashes is null or a.machine_hash = any(known_hashes))
        offset 0
        for update skip locked
      ) a
      limit actor_limit
    ) l;
    -- Others hold what stands first, or few actors have all the mail: looked into once more, deeper.
    exit when is_all_found or cardinality(claimed) = actor_limit or deepest_head < heads_per_shard or heads_per_shard >= actor_limit;
    heads_per_shard := least(actor_limit, 4 * heads_per_shard);
  end loop;
  if claimed is null then
    return;
  end if;
  return query
    select a.address, a.kind, a.subject, a.version, a.status, a.machine_version, a.machine_hash, a.record, a.updated_at,
           null::bigint, null::text, null::text, null::text, null::bigint
    from unnest(claimed) as a;
  -- Bounds what is looked at however much mail waits; what is behind comes with later claims.
  rows_per_actor := greatest(4, 1024 / cardinality(claimed));
  return query
    select m.address, null::text, null::text, null::bigint, null::text, null::text, null::text, null::text, null::bigint,
           m.seq, m.sender, m.event, m.cause, m.sent_at
    from (
      select x.shard, min(x.first_seq) as first_seq, least(1024, greatest(16, rows_per_actor * count(*))) as row_limit
      from unnest(claimed_shards, first_seqs) as x(shard, first_seq)
      group by x.shard
    ) s
    cross join lateral (
      select * from rouse.mailbox b
      where b.workspace_id = of_workspace and b.shard = s.shard and b.seq >= s.first_seq and b.seq <= last_seq
      order by b.seq
      limit s.row_limit
    ) m
    -- "is true" keeps the list a hashed set; a plain IN would be joined row by row.
    where (m.address in (select a.address from unnest(claimed) as a)) is true
    order by m.seq;
end
$$;
