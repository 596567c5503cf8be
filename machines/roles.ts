/** Roles of a token. `operator` is a person. */
export const roles = ["participant", "coordinator", "auditor", "operator"] as const;
export type Role = (typeof roles)[number];

/** Who asked for a change and why; carried by every operator command. */
export interface Authority {
  by: string;
  role: Role;
  reason: string;
}
