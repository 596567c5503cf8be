import type { Role } from "../../machines/roles.ts";

/** The sets of roles that operations name; the permission matrix is derived from them. */
export const everyone: readonly Role[] = ["participant", "coordinator", "auditor", "operator"];
/** May write in threads. */
export const members: readonly Role[] = ["participant", "coordinator", "operator"];
/** May decide over others. */
export const authorities: readonly Role[] = ["coordinator", "operator"];
/** See the whole workspace. */
export const overseers: readonly Role[] = ["coordinator", "auditor", "operator"];
/** Read who did what: no coordinator, for it is watched, too. */
export const auditReaders: readonly Role[] = ["auditor", "operator"];
export const people: readonly Role[] = ["operator"];

export function seesEverything(role: Role): boolean {
  return overseers.includes(role);
}

export function hasAuthority(role: Role): boolean {
  return authorities.includes(role);
}
