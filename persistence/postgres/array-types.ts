import type postgres from "postgres";

/**
 * One-dimensional arrays of text, integer and bigint (as strings, like a single bigint), told to postgres.js beforehand.
 * Left to itself it asks each new connection for all array types, in a query of its own whose failure, when the
 * connection ends meanwhile, is an unhandled rejection: it ends the process.
 */
export const arrayTypes = {
  textArray: arrayOf(1009, (element) => element),
  integerArray: arrayOf(1007, Number),
  bigintArray: arrayOf(1016, (element) => element),
};

type Element = string | number | bigint | null;

function arrayOf(oid: number, parseElement: (text: string) => Element): postgres.PostgresType<Element[]> {
  return {
    to: oid,
    from: [oid],
    serialize: literalOf,
    parse: (literal: string) =>
      elementsOf(literal).map((element) => (element === null ? null : parseElement(element))),
  };
}

/** https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO */
function literalOf(values: Element[]): string {
  const elements = values.map((value) =>
    value === null ? "NULL" : `"${String(value).replaceAll(/["\\]/gu, String.raw`\$&`)}"`,
  );
  return `{${elements.join(",")}}`;
}

function elementsOf(literal: string): (string | null)[] {
  const elements = literal.slice(1, -1).matchAll(/"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^,]+)/gsu);
  return [...elements].map(({ groups }) => {
    if (groups?.["quoted"] !== undefined) return groups["quoted"].replaceAll(/\\(?<kept>.)/gsu, "$<kept>");
    return groups?.["plain"] === "NULL" ? null : (groups?.["plain"] ?? null);
  });
}
