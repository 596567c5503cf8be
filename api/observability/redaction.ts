/** Takes secrets out of text that leaves the node: logs, and what it prints when it fails. */

const hidden = "***";

/** A signed token, wherever it stands. */
const tokens = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/gu;
/** The password of an address, as in postgres://user:password@host. */
const passwords = /(?<before>\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/"']*:)[^\s@"']+@/giu;
const credentials = /(?<before>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}/giu;
const assignments =
  /(?<before>(?:password|passwd|secret|api[_-]?key|access[_-]?token)\\?["']?\s*[=:]\s*\\?["']?)[^\s"'&,;\\}]+/giu;

/** Short ones would blot out ordinary words. */
const shortestSecret = 6;

export type Redact = (text: string) => string;

/** `secrets`: values that are known to be secret, in whatever text they turn up. */
export function createRedact(secrets: readonly string[]): Redact {
  const values = [...new Set(secrets.flatMap(spellings))].filter(({ length }) => length >= shortestSecret);
  // The longer first: one may hold the other.
  const sorted = values.toSorted((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const value of sorted) clean = clean.replaceAll(value, hidden);
    return clean
      .replace(tokens, hidden)
      .replace(passwords, `$<before>${hidden}@`)
      .replace(credentials, `$<before>${hidden}`)
      .replace(assignments, `$<before>${hidden}`);
  };
}

/** As it is, as an address spells it, and as JSON does. */
function spellings(secret: string): string[] {
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
}

const secretNames = /(?:pass|secret|token|key|credential|auth|headers$)/iu;

/** Passwords in database addresses, and the values of variables whose name says that they are secret. */
export function secretsOf(
  addresses: readonly (string | undefined)[],
  environment: NodeJS.ProcessEnv,
): string[] {
  const passwordsFound = addresses.flatMap((address) => {
    const { password } =
      /^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:(?<password>.*)@/iu.exec(address ?? "")?.groups ?? {};
    return password === undefined ? [] : [password, decoded(password)];
  });
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    secretNames.test(name) && value !== undefined ? [value] : [],
  );
  return [...passwordsFound, ...variables];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
