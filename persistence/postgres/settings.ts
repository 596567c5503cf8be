import { toJson } from "./columns.ts";
import type { Scope } from "./scope.ts";
import { takeSwitches } from "./switch-lock.ts";

/** Null when it was never put. */
export async function getSetting({ sql, workspaceId }: Scope, name: string): Promise<unknown> {
  const [row] =
    await sql`select value from rouse.setting where workspace_id = ${workspaceId} and name = ${name}`;
  return row === undefined ? null : JSON.parse(row["value"]);
}

export async function putSetting(scope: Scope, name: string, value: unknown): Promise<void> {
  const { sql, workspaceId, now } = scope;
  await takeSwitches(scope);
  await sql`
    insert into rouse.setting (workspace_id, name, value, updated_at)
    values (${workspaceId}, ${name}, ${toJson(value)}, ${now}::bigint)
    on conflict (workspace_id, name) do update set value = excluded.value, updated_at = excluded.updated_at`;
}
