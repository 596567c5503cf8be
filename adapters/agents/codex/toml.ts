/** What Codex's settings consist of: everything that TOML can say inline. */
export type Setting =
  | string
  | number
  | boolean
  | readonly Setting[]
  | { readonly [key: string]: Setting | undefined };

/** Written inline, so that it is one argument, whatever the text contains. */
export function toToml(setting: Setting): string {
  if (typeof setting === "string") return quoted(setting);
  if (typeof setting !== "object") return String(setting);
  if (isList(setting)) return `[${setting.map(toToml).join(", ")}]`;
  const pairs = Object.entries(setting).flatMap(([key, value]) =>
    value === undefined ? [] : [`${quoted(key)} = ${toToml(value)}`],
  );
  return `{ ${pairs.join(", ")} }`;
}

function isList(setting: Setting): setting is readonly Setting[] {
  return Array.isArray(setting);
}

/** JSON's strings are TOML's, but for the delete character. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\u007F", "\\u007F");
}
