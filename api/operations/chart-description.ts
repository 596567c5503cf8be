import { registeredMachines } from "../../machines/registry.ts";

interface Node {
  description?: string | undefined;
  states?: Readonly<Record<string, Node>> | undefined;
}

/** What the chart itself says about a state, from the outermost to the state itself. */
export function describeState(kind: string, path: string): string[] {
  const entry = registeredMachines.findLast((machine) => machine.kind === kind);
  let node: Node | undefined = entry?.machine.config as Node | undefined;
  const found: string[] = [];
  for (const name of path.split(".")) {
    node = node?.states?.[name];
    if (node?.description !== undefined) found.push(node.description);
  }
  return found;
}
