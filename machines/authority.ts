import type { Authority, Role } from "./roles.ts";

/** The event of a guard: only commands carry an authority. */
type Asked = object & Partial<Authority>;

const authorities: readonly Role[] = ["coordinator", "operator"];
const members: readonly Role[] = ["participant", ...authorities];

export function isMember(event: Asked): boolean {
  return event.role !== undefined && members.includes(event.role);
}

export function hasAuthority(event: Asked): boolean {
  return event.role !== undefined && authorities.includes(event.role);
}

export function hasAuthorityAndReason(event: Asked): boolean {
  return hasAuthority(event) && event.reason !== undefined && event.reason.trim() !== "";
}
