-- compatible-with: 0001
-- Only adds. A member may owe a reply: `reply_due_seq` is the newest message that wants one of it, null when none. Who owes
-- nothing posts without telling its participant, which would be a turn more for every message.
alter table rouse.member add column reply_due_seq bigint;

-- As the function of 0010 beside which it stands for earlier programs, and keeps what is owed: a message that wants replies
-- is owed one by everybody it addresses; any message of who owes one settles it (`replies`). Since `append_messages` (0012)
-- nothing of ours calls either; both stay for programs that ran before it, until no such program can.
create function rouse.append_message(
  of_workspace text, of_thread text, by_author text, by_role text, of_kind text, of_body text, to_agents text[],
  answered bigint, at bigint, wants_reply boolean
) returns table (seq bigint, created_at bigint, status text, addressed text, replies boolean)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  next_seq bigint;
  locked_status text;
  told text[];
  settled boolean;
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
    update rouse.member m
    set head_seq = next_seq, reply_due_seq = case when wants_reply then next_seq else m.reply_due_seq end
    where m.workspace_id = of_workspace and m.thread_id = of_thread and m.agent_id <> by_author
      and (to_agents is null or m.agent_id = any(to_agents))
    returning m.agent_id
  )
  select array_agg(moved.agent_id order by moved.agent_id) into told from moved;
  update rouse.member m set reply_due_seq = null
  where m.workspace_id = of_workspace and m.thread_id = of_thread and m.agent_id = by_author
    and m.reply_due_seq is not null;
  settled := found;
  return query select next_seq, at, locked_status, array_to_json(coalesce(told, '{}'))::text, settled;
end
$$;
