import { readFileSync } from "node:fs";

/** One call as it was made, and what came back. */
export interface Example {
  request?: Record<string, unknown>;
  response?: Record<string, unknown>;
  problem?: Record<string, unknown>;
}

/** By operation. */
export type Examples = Record<string, Example>;

/** Recorded from a real run: `npx vitest run test/api/http/openapi.test.ts -u` records anew. */
export function readExamples(): Examples {
  return JSON.parse(readFileSync(new URL("examples.json", import.meta.url), "utf8")) as Examples;
}
