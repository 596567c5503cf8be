import type { Role } from "../../machines/roles.ts";

/** Who calls, as its token says. */
export interface Caller {
  agentId: string;
  workspaceId: string;
  role: Role;
  /** Session that the token is bound to. */
  sessionId: string;
  jti: string;
}
