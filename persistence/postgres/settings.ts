import { toJson } from "./columns.ts";
import type { Scope } from "./scope.ts";

/** Null when it was never put. */
export async function getSetting({ sql, workspaceId }: Scope, name: string): Promise<unknown> {
  const [row] =
    await sql`select value from rouse.setting where workspace_id = ${workspaceId} and name = ${name}`;
  return row === undefined ? null : JSON.parse(row["value"]);
}

export async function putSetting(
  { sql, workspaceId, now }: Scope,
  name: string,
  value: unknown,
): Promise<void> {
  await sql`
    insert into rouse.setting (workspace_id, name, value, updated_at)
    values (${workspaceId}, ${name}, ${toJson(value)}, ${now}::bigint)
    on conflict (workspace_id, name) do update set value = excluded.value, updated_at = excluded.updated_at`;
}
