import type { FastifyInstance } from "fastify";
import { RouseError } from "../../runtime/errors.ts";

/**
 * JSON bodies, with a cap on how deep they nest: what walks over a body later does so by recursion. An empty body is an
 * empty object, because many clients name a content type also where they send nothing.
 */
export function acceptJson(server: FastifyInstance, mostLevels: number): void {
  const parse = server.getDefaultJsonParser("error", "error");
  server.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") return done(null, {});
    // Typed as possibly returning a promise; the default parser answers through `done`.
    void parse(request, body as string, (error, value) => {
      if (error !== null || !isDeeper(value, mostLevels)) return done(error, value);
      done(tooDeep(mostLevels));
    });
  });
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function tooDeep(mostLevels: number): RouseError {
  return new RouseError("invalid_input", `the body nests deeper than ${mostLevels} levels`, {
    nextStep: "Send the fields of the operation as one flat JSON object.",
    details: { issues: [{ path: "", message: "nests too deep" }] },
  });
}
