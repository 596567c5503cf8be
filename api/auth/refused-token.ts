import { RouseError } from "../../runtime/errors.ts";
import type { Caller } from "../operations/caller.ts";

/** A token that is not good, and whom it named if our own key had signed it. */
export class RefusedToken extends Error {
  override readonly name = "RefusedToken";
  readonly refusal: RouseError;
  readonly identity: Omit<Caller, "workspaceId"> | null;

  constructor(refusal: RouseError, identity: RefusedToken["identity"]) {
    super(refusal.message, { cause: refusal });
    this.refusal = refusal;
    this.identity = identity;
  }
}

/** Says nothing about which check failed: that would help only whoever forges. */
export function unauthenticated(cause?: unknown): RouseError {
  return new RouseError("unauthenticated", "a valid token is required", {
    nextStep: "Send `Authorization: Bearer <token>`; get a token with `rouse tokens issue`.",
    cause,
  });
}

export function expired(cause?: unknown): RouseError {
  return new RouseError("token_expired", "the token has expired", {
    nextStep:
      "Get a new one with `rouse tokens issue`; a token that can be refreshed has to be, before its end.",
    cause,
  });
}

export function revoked(): RouseError {
  return new RouseError("token_revoked", "the token was revoked", {
    nextStep: "Ask an operator for a new one.",
  });
}
