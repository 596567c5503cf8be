import { randomUUID } from "node:crypto";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { InMemoryServerEventBus } from "@modelcontextprotocol/server";
import { joinEras, type McpEndpoint } from "../../../../api/mcp/endpoint.ts";
import type { Era } from "../../../../api/mcp/era.ts";
import { createEra2025 } from "../../../../api/mcp/era-2025.ts";
import { createEra2026 } from "../../../../api/mcp/era-2026.ts";
import { createFixture2025 } from "./fixture-2025.ts";
import { createFixture2026 } from "./fixture-2026.ts";

const onError = (): void => {};

/** Our wiring around the fixture's servers instead of our own. */
export function createFixtureEndpoint(): McpEndpoint {
  const bus = new InMemoryServerEventBus();
  return joinEras(
    createEra2025({ createServer: createFixture2025, onError, isStreaming: true }),
    createEra2026({ createServer: () => createFixture2026(bus), onError, bus }),
  );
}

/**
 * The same, but the fixture holds a session for each client of the earlier era. Only so can a server ask its client
 * something there: the client's answer comes as another POST. Ours never asks.
 */
export function createSessionEndpoint(): McpEndpoint {
  return joinEras(withSessions(), {
    answer: () => Promise.reject(new Error("not used with sessions")),
    close: async () => {},
  });
}

function withSessions(): Era {
  const transports = new Map<string, WebStandardStreamableHTTPServerTransport>();
  return async (web, { body }) => {
    const known = transports.get(web.headers.get("mcp-session-id") ?? "");
    if (known !== undefined) return known.handleRequest(web, { parsedBody: body });
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
    });
    await createFixture2025().connect(transport);
    return transport.handleRequest(web, { parsedBody: body });
  };
}
