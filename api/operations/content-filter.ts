import { RE2JS } from "re2js";
import { RouseError } from "../../runtime/errors.ts";

/** Rules of the configuration over what is posted (B4). Off unless there are rules. */

export interface ContentRule {
  /** Told to whoever is refused, and written into the audit; never the text that matched. */
  name: string;
  /** RE2 syntax: no look-around, no back-references, and time linear in the text. */
  pattern: string;
  action: "redact" | "refuse";
}

export interface Filtered {
  text: string;
  /** Rules that took something out, with how often. */
  redactions: readonly { rule: string; count: number }[];
}

/** Throws `content_refused` that names the rule. */
export type ContentFilter = (text: string) => Filtered;

/** Undefined for no rules. Throws `invalid_input` that names the rule whose pattern is none. */
export function compileContentFilter(rules: readonly ContentRule[]): ContentFilter | undefined {
  if (rules.length === 0) return undefined;
  const compiled = rules.map((rule) => ({ ...rule, re: compile(rule) }));
  return (text) => {
    for (const { name, action, re } of compiled)
      if (action === "refuse" && re.test(text)) throw refused(name);
    let rest = text;
    const redactions: { rule: string; count: number }[] = [];
    for (const { name, action, re } of compiled) {
      if (action !== "redact") continue;
      const { text: without, count } = redacted(rest, re, `[redacted: ${name}]`);
      rest = without;
      if (count > 0) redactions.push({ rule: name, count });
    }
    return { text: rest, redactions };
  };
}

function compile({ name, pattern }: ContentRule): RE2JS {
  let reason = "it matches the empty text";
  try {
    const re = RE2JS.compile(pattern);
    if (!re.test("")) return re;
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new RouseError("invalid_input", `contentFilter rule ${name}: the pattern cannot be used: ${reason}`, {
    nextStep: "Write it in RE2's syntax, without look-around and back-references.",
  });
}

function redacted(text: string, re: RE2JS, mark: string): { text: string; count: number } {
  const matcher = re.matcher(text);
  let rest = "";
  let count = 0;
  let from = 0;
  while (matcher.find()) {
    rest += text.slice(from, matcher.start()) + mark;
    from = matcher.end();
    count += 1;
  }
  return { text: rest + text.slice(from), count };
}

function refused(rule: string): RouseError {
  return new RouseError("content_refused", `the text is refused by the content filter's rule ${rule}`, {
    nextStep: "Take out what the rule names and post again; ask an operator what it stands for.",
    details: { rule },
  });
}
