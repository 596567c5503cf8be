-- compatible-with: 0001
-- Only adds. Appends a message in one round trip: the thread's row is locked first, which makes seq gap-free. Members are
-- moved by a later statement, whose snapshot has whoever joined while this one waited for the lock. No row: no such thread.
-- `status` is the thread's under that lock: a close that came first is seen, one that comes later waits.
create function rouse.append_message(
  of_workspace text, of_thread text, by_author text, by_role text, of_kind text, of_body text, to_agents text[],
  answered bigint, at bigint
) returns table (seq bigint, created_at bigint, status text, addressed text)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  next_seq bigint;
  locked_status text;
  told text[];
begin
  update rouse.thread t set head_seq = t.head_seq + 1, updated_at = greatest(t.updated_at, at)
  where t.workspace_id = of_workspace and t.thread_id = of_thread
  returning t.head_seq, t.status into next_seq, locked_status;
  if next_seq is null then
    return;
  end if;
  insert into rouse.message
    (workspace_id, thread_id, seq, author, author_role, kind, body, addressees, in_reply_to, created_at)
  values (of_workspace, of_thread, next_seq, by_author, by_role, of_kind, of_body, to_agents, answered, at);
  with moved as (
    update rouse.member m set head_seq = next_seq
    where m.workspace_id = of_workspace and m.thread_id = of_thread and m.agent_id <> by_author
      and (to_agents is null or m.agent_id = any(to_agents))
    returning m.agent_id
  )
  select array_agg(moved.agent_id order by moved.agent_id) into told from moved;
  return query select next_seq, at, locked_status, array_to_json(coalesce(told, '{}'))::text;
end
$$;
