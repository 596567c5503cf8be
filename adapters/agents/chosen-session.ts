import { createHash } from "node:crypto";

/** The id that a new session gets from us: a UUID, always the same for one runtime, so that a repeated launch finds it. */
export function chosenSession(kind: string, runtimeId: string): string {
  const hex = createHash("sha256").update(`${kind}/${runtimeId}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
