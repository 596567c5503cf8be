import type { AcpDefinition } from "./definition.ts";
import type { PermissionRequest } from "./messages.ts";

/**
 * The option that the definition chooses without asking; null: a person is asked. Always the narrowest: what would hold
 * for longer is a person's to grant.
 */
export function chosenOption(request: PermissionRequest, allow: AcpDefinition["allow"]): string | null {
  const isAllowed = allow === "everything" || (allow === "ours" && isOurTool(request));
  const option = request.options.find(({ kind }) => kind === "allow_once");
  return isAllowed ? (option?.optionId ?? null) : null;
}

/**
 * Agents tell in words of their own which tool it is. Only what a program makes up itself from the name of a registered
 * tool counts, never a title: that may be a command which a model wrote.
 */
function isOurTool({ toolCall: { name, kind, toolCallId } }: PermissionRequest): boolean {
  if (kind !== "other") return false;
  // Claude's adapter names the tool; Gemini's begins the call's id with it.
  return /^mcp__rouse__[a-z_]+$/.test(name ?? "") || /^mcp_rouse_[a-z]+(?:_[a-z]+)*__/.test(toolCallId);
}
