import { readFileSync } from "node:fs";

/** The commands of a runbook, by their section. */
export interface Runbook {
  look: string;
  cure: string;
  /** One line, one check. */
  cured: readonly string[];
}

export function readRunbook(name: string): Runbook {
  const url = new URL(`../../docs/runbooks/${name}.md`, import.meta.url);
  return parseRunbook(readFileSync(url, "utf8"));
}

export function parseRunbook(text: string): Runbook {
  const of = (title: string): string => {
    const section = text.split(/^## /mu).find((part) => part.startsWith(`${title}\n`)) ?? "";
    const code = /^```sh\n(?<code>[^]*?)^```$/mu.exec(section)?.groups?.["code"]?.trim();
    if (code === undefined) throw new Error(`the runbook has no code under "${title}"`);
    return code;
  };
  return { look: of("Look"), cure: of("Cure"), cured: of("Cured").split("\n") };
}
