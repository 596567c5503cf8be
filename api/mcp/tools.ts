import type { Role } from "../../machines/roles.ts";
import { roles } from "../../machines/roles.ts";
import { inputSchema, outputSchema, type ObjectSchema } from "../operations/json-schema.ts";
import { operations } from "../operations/list.ts";
import type { Operation, Toolset } from "../operations/operation.ts";

/** A tool as plain data: no protocol's types, so that another era of MCP can be served from the same list. */
export interface Tool {
  name: string;
  title: string;
  description: string;
  inputSchema: ObjectSchema;
  outputSchema: ObjectSchema;
  annotations: {
    readOnlyHint: boolean;
    destructiveHint: boolean;
    idempotentHint: boolean;
    openWorldHint: boolean;
  };
}

/** Long tool lists cost every agent on every turn: each role sees what it works with. REST offers the rest. */
const toolsetsOf: Readonly<Record<Role, readonly Toolset[]>> = {
  participant: ["thread"],
  coordinator: ["thread", "coordination"],
  auditor: ["thread", "coordination", "operation"],
  operator: ["thread", "coordination", "operation"],
};

const lists = new Map(roles.map((role) => [role, toolsFor(role)]));

/** Computed once for each role. */
export function listTools(role: Role): readonly Tool[] {
  return lists.get(role) ?? [];
}

function toolsFor(role: Role): Tool[] {
  return operations
    .filter((operation) => operation.roles.includes(role) && toolsetsOf[role].includes(operation.toolset))
    .map(toTool);
}

function toTool(operation: Operation): Tool {
  const { name, summary, guidance, readOnly } = operation;
  const words = name.replaceAll("_", " ");
  return {
    name,
    title: `${words.charAt(0).toUpperCase()}${words.slice(1)}`,
    description: guidance === undefined ? summary : `${summary} ${guidance}`,
    inputSchema: inputSchema(operation),
    outputSchema: outputSchema(operation),
    annotations: {
      readOnlyHint: readOnly,
      destructiveHint: !readOnly && operation.destructive === true,
      idempotentHint: readOnly || operation.idempotent,
      openWorldHint: false,
    },
  };
}
