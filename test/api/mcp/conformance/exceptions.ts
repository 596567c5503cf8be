import type { Revision } from "./suite.ts";

/** Why a required scenario says nothing about a server. Everything not named here has to pass. */

const noPrompts = "we offer no prompts";
const fixtureTool = "calls a tool that only the suite's fixture has";
const fixtureResource = "reads a resource that only the suite's fixture has";
const asks = "calls a fixture's tool that asks the client for something; ours never ask";

const ofBothRevisions: Record<string, string> = {
  "completion-complete": "we offer no completion",
  "tools-call-simple-text": fixtureTool,
  "tools-call-image": fixtureTool,
  "tools-call-audio": fixtureTool,
  "tools-call-embedded-resource": fixtureTool,
  "tools-call-mixed-content": fixtureTool,
  "tools-call-error": fixtureTool,
  "tools-call-with-progress": fixtureTool,
  "resources-read-text": fixtureResource,
  "resources-read-binary": fixtureResource,
  "resources-templates-read": fixtureResource,
  "prompts-list": noPrompts,
  "prompts-get-simple": noPrompts,
  "prompts-get-with-args": noPrompts,
  "prompts-get-embedded-resource": noPrompts,
  "prompts-get-with-image": noPrompts,
};

/** Scenarios that do not apply to our own server: it does not have what they call. */
export const notOurs: Record<Revision, Record<string, string>> = {
  "2025-11-25": {
    ...ofBothRevisions,
    "logging-set-level": "we declare no logging",
    "tools-call-with-logging": "we declare no logging",
    "tools-call-sampling": asks,
    "tools-call-elicitation": asks,
    "elicitation-sep1034-defaults": asks,
    "elicitation-sep1330-enums": asks,
    "resources-subscribe": "we are stateless: no subscriptions in this era; rouse mcp offers them",
    "resources-unsubscribe": "we are stateless: no subscriptions in this era; rouse mcp offers them",
    "server-sse-multiple-streams": "looks for a session; we are stateless",
  },
  "2026-07-28": {
    ...ofBothRevisions,
    "input-required-result-basic-elicitation": asks,
    "input-required-result-basic-sampling": asks,
    "input-required-result-basic-list-roots": asks,
    "input-required-result-request-state": asks,
    "input-required-result-multiple-input-requests": asks,
    "input-required-result-multi-round": asks,
    "input-required-result-missing-input-response": asks,
    "input-required-result-non-tool-request": asks,
    "input-required-result-result-type": asks,
    "input-required-result-tampered-state": asks,
    "input-required-result-capability-check": asks,
    "input-required-result-ignore-extra-params": asks,
  },
};

/** Single checks that do not apply to our own server, in scenarios that do. */
export const checksNotOurs: Record<string, string> = {
  "sep-2549-prompts-list-caching-hints": noPrompts,
  "sep-2575-server-rejects-undeclared-capability": asks,
  "sep-2575-missing-capability-http-400": asks,
  "sep-2575-http-server-no-independent-requests-on-stream": fixtureTool,
  "sep-2575-server-no-log-without-loglevel": fixtureTool,
};

/**
 * Scenarios of the earlier era in which the client answers the server by another POST, or which look for a session.
 * Without sessions that cannot be: the fixture holds some for these.
 */
export const needsSession: readonly string[] = [
  "tools-call-sampling",
  "tools-call-elicitation",
  "elicitation-sep1034-defaults",
  "elicitation-sep1330-enums",
  "server-sse-multiple-streams",
];
