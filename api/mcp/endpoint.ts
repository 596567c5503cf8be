import { isLegacyRequest } from "@modelcontextprotocol/server";
import { createEra2025, createServer2025 } from "./era-2025.ts";
import { createEra2026, createServer2026 } from "./era-2026.ts";
import type { ClosableEra, Era } from "./era.ts";
import type { OnError } from "./request.ts";

/** What is served at `/mcp`: both eras of the protocol, over the same tools and resources. */
export interface McpEndpoint {
  answer: Era;
  /** Ends streams, so that the server can close. */
  close: () => Promise<void>;
}

/** A request that names its revision in each message is of the later era. */
export function joinEras(era2025: Era, era2026: ClosableEra): McpEndpoint {
  return {
    async answer(web, exchange) {
      const isLegacy = await isLegacyRequest(web, exchange.body);
      return isLegacy ? era2025(web, exchange) : era2026.answer(web, exchange);
    },
    close: () => era2026.close(),
  };
}

export interface McpOptions {
  version: string;
  onError: OnError;
}

export function createMcpEndpoint({ version, onError }: McpOptions): McpEndpoint {
  return joinEras(
    createEra2025({ createServer: (request) => createServer2025(request, version, onError), onError }),
    createEra2026({ createServer: (request) => createServer2026(request, version, onError), onError }),
  );
}
