import type { Jwk, SigningKey } from "../../runtime/store.ts";
import { numberOrNull, toJson } from "./columns.ts";
import type { Row, Scope } from "./scope.ts";

export async function supersedeSigningKey(
  { sql, workspaceId, now }: Scope,
  { verifiesForMs }: { verifiesForMs: number },
): Promise<void> {
  await sql`
    update rouse.signing_key set verifies_until = ${now}::bigint + ${verifiesForMs}, private_jwk = null
    where workspace_id = ${workspaceId} and verifies_until is null`;
}

/** Of two at once the index over the key that signs lets one through. */
export async function insertSigningKey(
  { sql, workspaceId, now }: Scope,
  { kid, publicJwk, privateJwk, by }: { kid: string; publicJwk: Jwk; privateJwk: Jwk; by: string },
): Promise<void> {
  await sql`
    insert into rouse.signing_key (workspace_id, kid, public_jwk, private_jwk, created_at, created_by)
    values (${workspaceId}, ${kid}, ${toJson(publicJwk)}, ${toJson(privateJwk)}, ${now}::bigint, ${by})`;
}

export async function retireSigningKey(
  { sql, workspaceId, now }: Scope,
  { kid, by, reason }: { kid: string; by: string; reason: string },
): Promise<boolean> {
  const retired = await sql`
    update rouse.signing_key
    set verifies_until = ${now}::bigint, private_jwk = null,
        retired_at = ${now}::bigint, retired_by = ${by}, retire_reason = ${reason}
    where workspace_id = ${workspaceId} and kid = ${kid} and retired_at is null`;
  return retired.count > 0;
}

export async function readSigningKeys({ sql, workspaceId }: Scope): Promise<SigningKey[]> {
  const rows = await sql`
    select * from rouse.signing_key where workspace_id = ${workspaceId} order by created_at, kid`;
  return rows.map(toSigningKey);
}

function toSigningKey(row: Row): SigningKey {
  const retiredAt = numberOrNull(row["retired_at"]);
  return {
    kid: row["kid"],
    publicJwk: JSON.parse(row["public_jwk"]),
    privateJwk: row["private_jwk"] === null ? null : JSON.parse(row["private_jwk"]),
    createdAt: Number(row["created_at"]),
    createdBy: row["created_by"],
    verifiesUntil: numberOrNull(row["verifies_until"]),
    retirement:
      retiredAt === null ? null : { by: row["retired_by"], reason: row["retire_reason"], at: retiredAt },
  };
}
