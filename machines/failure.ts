/** What a failed port leaves in `xstate.error.actor.*`: JSON, never an Error. Codes are those of the engine's closed list. */
export interface PortFailure {
  code: string;
  message: string;
}

export function failureOf(error: unknown): PortFailure {
  const { code, message } = (error ?? {}) as Partial<Record<keyof PortFailure, unknown>>;
  return {
    code: typeof code === "string" ? code : "internal",
    message: typeof message === "string" ? message : "failed without a message",
  };
}
