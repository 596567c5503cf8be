import { RouseError, isRouseError } from "../../runtime/errors.ts";

/** Fastify's own refusals of a request, in our codes; everything else unchanged. */
export function asRouseError(error: unknown): unknown {
  if (isRouseError(error) || !(error instanceof Error)) return error;
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (status === 413) {
    return new RouseError("body_too_large", "the request's body is too large", {
      nextStep: "Shorten it, or put the long text into a file and post where it is.",
      cause: error,
    });
  }
  const code = "code" in error ? error.code : undefined;
  // Their own words would repeat the whole address.
  if (code === "FST_ERR_BAD_URL" || code === "FST_ERR_MAX_PARAM_LENGTH") {
    return new RouseError("invalid_input", "the address is malformed, or a part of it is too long", {
      nextStep: "Percent-encode each part of the path; no id is longer than 128 characters.",
      cause: error,
    });
  }
  if (typeof status !== "number" || status < 400 || status >= 500) return error;
  return new RouseError("invalid_input", error.message, {
    nextStep: "Send well-formed JSON with content-type application/json.",
    cause: error,
  });
}
