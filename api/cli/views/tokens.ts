import type { Payloads } from "../payloads.ts";
import type { Paper } from "../render/paper.ts";
import { table } from "../render/table.ts";
import { clockText, relativeText } from "../render/time.ts";
import { moreText } from "./more.ts";

type Token = Payloads["list_tokens"]["tokens"][number];

export function tokenTable({ tokens, ...page }: Payloads["list_tokens"], paper: Paper): string {
  const rows = table(
    paper,
    tokens,
    [
      { title: "TOKEN", of: (token) => token.jti },
      { title: "AGENT", of: (token) => token.agent_id },
      { title: "ROLE", of: (token) => token.role },
      { title: "SESSION", of: (token) => token.session_id },
      { title: "STATE", of: ({ state }) => ({ text: state, tone: state === "live" ? "good" : "faint" }) },
      { title: "ISSUED", of: (token) => clockText(token.issued_at, paper.now) },
      { title: "BY", of: (token) => token.issued_by },
      { title: "EXPIRES", of: (token) => relativeText(token.expires_at, paper.now) },
      { title: "REFRESHED", of: (token) => refreshText(token, paper) },
      { title: "REVOKED", of: revocationText, most: 60 },
    ],
    "No tokens.",
  );
  return rows + moreText(page);
}

function refreshText({ refresh_until: until }: Token, { now }: Paper): string | null {
  return until === null ? null : `until ${relativeText(until, now)}`;
}

function revocationText({ revocation }: Token): string | null {
  return revocation === null ? null : `by ${revocation.by}: ${revocation.reason}`;
}

const whereKept = {
  plain: "The signing key's private part stands in the database in plain text: guard it and its backups.\n",
  encrypted: "The signing key's private part stands in the database encrypted.\n",
};

export function keyTable({ keys }: Payloads["list_signing_keys"], paper: Paper): string {
  const drawn = table(
    paper,
    keys,
    [
      { title: "KEY", of: (key) => key.kid },
      { title: "STATE", of: ({ state }) => ({ text: state, tone: state === "signing" ? "good" : "faint" }) },
      { title: "MADE", of: (key) => clockText(key.created_at, paper.now) },
      { title: "BY", of: (key) => key.created_by },
      {
        title: "VERIFIES",
        of: ({ verifies_until: until }) =>
          until === null ? null : `until ${relativeText(until, paper.now)}`,
      },
      {
        title: "RETIRED",
        of: ({ retirement }) => (retirement === null ? null : `by ${retirement.by}: ${retirement.reason}`),
        most: 60,
      },
    ],
    "No keys.",
  );
  const kept = keys.flatMap((key) => key.private_part ?? []).map((part) => whereKept[part]);
  return `${drawn}\n${kept.join("")}`;
}
