import type { Authority } from "../../machines/roles.ts";
import type { Caller } from "./caller.ts";

export function authorityOf(caller: Caller, reason: string): Authority {
  return { by: caller.agentId, role: caller.role, reason };
}
