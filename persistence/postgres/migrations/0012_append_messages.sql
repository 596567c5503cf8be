-- compatible-with: 0001
-- Only adds: append_message stays for programs before. Appends several messages in one round trip. Each thread's row is locked
-- and written once, which makes seq gap-free: `posts` is how many of one thread follow, told with its first. Threads come in
-- the order of their ids, so that two transactions that append to the same ones wait for each other at the first and never in
-- a circle. Members are moved by a later statement, whose snapshot has whoever joined while this one waited for the lock. A
-- message whose thread does not exist gets no row. `status` is the thread's under that lock: a close that came first is seen,
-- one that comes later waits. A message that wants replies is owed one (`reply_due_seq`, of 0013) by everybody it addresses;
-- any message of who owes one settles it (`replies`).
create function rouse.append_messages(of_workspace text, given json, at bigint)
returns table (place integer, seq bigint, created_at bigint, status text, addressed text, replies boolean)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  message record;
begin
  created_at := at;
  for message in
    select * from json_to_recordset(given) as m(
      place integer, thread text, posts integer, author text, role text, kind text, body text, addressees text[],
      answered bigint, wants_reply boolean
    )
  loop
    if message.posts > 0 then
      update rouse.thread t set head_seq = t.head_seq + message.posts, updated_at = greatest(t.updated_at, at)
      where t.workspace_id = of_workspace and t.thread_id = message.thread
      returning t.head_seq - message.posts, t.status into append_messages.seq, append_messages.status;
    end if;
    continue when append_messages.seq is null;
    append_messages.place := message.place;
    append_messages.seq := append_messages.seq + 1;
    insert into rouse.message
      (workspace_id, thread_id, seq, author, author_role, kind, body, addressees, in_reply_to, created_at)
    values (
      of_workspace, message.thread, append_messages.seq, message.author, message.role, message.kind, message.body,
      message.addressees, message.answered, at
    );
    with moved as (
      update rouse.member m set
        head_seq = case when m.agent_id = message.author then m.head_seq else append_messages.seq end,
        reply_due_seq = case
          when m.agent_id = message.author then null
          when message.wants_reply then append_messages.seq
          else m.reply_due_seq
        end
      where m.workspace_id = of_workspace and m.thread_id = message.thread
        and case when m.agent_id = message.author then m.reply_due_seq is not null
            else message.addressees is null or m.agent_id = any(message.addressees) end
      returning m.agent_id
    )
    select coalesce(json_agg(moved.agent_id order by moved.agent_id) filter (where moved.agent_id <> message.author), '[]')::text,
           coalesce(bool_or(moved.agent_id = message.author), false)
    into append_messages.addressed, append_messages.replies
    from moved;
    return next;
  end loop;
end
$$;
