/** What we read of the Agent Client Protocol, version 1. Whatever else stands in a message is passed over. */
import { z } from "zod";

export const protocolVersion = 1;

/** By the protocol: the agent wants a sign-in first. */
export const authRequired = -32_000;

export const initialized = z.looseObject({
  protocolVersion: z.number(),
  agentCapabilities: z
    .looseObject({
      loadSession: z.boolean().catch(false),
      mcpCapabilities: z.looseObject({ http: z.boolean().catch(false) }).catch({ http: false }),
      sessionCapabilities: z.looseObject({ resume: z.looseObject({}).nullish() }).catch({}),
    })
    .catch({ loadSession: false, mcpCapabilities: { http: false }, sessionCapabilities: {} }),
  agentInfo: z
    .looseObject({ name: z.string(), title: z.string().nullish(), version: z.string().nullish() })
    .nullish()
    .catch(null),
  authMethods: z.array(z.looseObject({ id: z.string() })).catch([]),
});
export type Initialized = z.infer<typeof initialized>;

export const newSession = z.looseObject({ sessionId: z.string().min(1).max(200) });

export const promptAnswer = z.looseObject({ stopReason: z.string() });

const content = z.looseObject({ type: z.string(), text: z.string().optional() });

export const sessionUpdate = z.looseObject({
  sessionId: z.string(),
  update: z.looseObject({
    sessionUpdate: z.string(),
    content: z.unknown().optional(),
    title: z.string().nullish(),
    status: z.string().nullish(),
    toolCallId: z.string().optional(),
    entries: z.array(z.looseObject({ content: z.string(), status: z.string().catch("") })).optional(),
  }),
});
export type Update = z.infer<typeof sessionUpdate>["update"];

export function textOf(update: Update): string {
  return content.safeParse(update.content).data?.text ?? "";
}

export const permissionRequest = z.looseObject({
  sessionId: z.string(),
  toolCall: z.looseObject({
    toolCallId: z.string(),
    name: z.string().nullish(),
    title: z.string().nullish(),
    kind: z.string().nullish(),
    content: z
      .array(z.looseObject({ content: content.optional().catch(undefined) }))
      .nullish()
      .catch(null),
  }),
  options: z
    .array(z.looseObject({ optionId: z.string(), name: z.string(), kind: z.string().catch("") }))
    .min(1),
});
export type PermissionRequest = z.infer<typeof permissionRequest>;
