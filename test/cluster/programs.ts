import { accessSync, constants, readdirSync } from "node:fs";
import { join } from "node:path";

/** Debian's programs that the cluster is made of. */
export interface Programs {
  etcd: string;
  patroni: string;
  haproxy: string;
  pgbouncer: string;
  /** Folder of the newest Postgres server. */
  postgres: string;
}

export const installCommand =
  "apt-get install --yes --no-install-recommends postgresql patroni etcd-server haproxy pgbouncer iproute2";

/** Throws with the command that installs what is missing. */
export function findPrograms(): Programs {
  const names = ["etcd", "patroni", "haproxy", "pgbouncer"] as const;
  const found = names.map((name) => [name, find(name)] as const);
  const postgres = newestPostgres();
  const missing = found.flatMap(([name, path]) => (path === null ? [name] : []));
  if (postgres === null) missing.push("postgresql" as never);
  if (missing.length > 0 || postgres === null)
    throw new Error(`not installed: ${missing.join(", ")}. On Debian: ${installCommand}`);
  return { ...(Object.fromEntries(found) as Record<(typeof names)[number], string>), postgres };
}

function find(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/bin"];
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function newestPostgres(): string | null {
  const root = "/usr/lib/postgresql";
  try {
    const versions = readdirSync(root)
      .map(Number)
      .toSorted((a, b) => b - a);
    const folders = versions.map((version) => join(root, String(version), "bin"));
    return folders.find((folder) => isProgram(join(folder, "initdb"))) ?? null;
  } catch {
    return null;
  }
}
