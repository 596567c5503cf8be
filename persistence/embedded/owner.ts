import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import path from "node:path";

import { RouseError } from "../../runtime/errors.ts";

/** The user that runs the server, when it can't be ourselves. */
export interface Owner {
  name: string;
  uid: number;
  gid: number;
}

export type FindUser = (name: string) => Promise<Owner | null>;

const candidates = ["postgres", "_postgres", "nobody"];

/**
 * Who must run the server: null means ourselves; another user when we are root, which Postgres refuses.
 * @throws RouseError root_without_other_user when we are root and none of the usual users exists.
 */
export async function chooseOwner(
  ourUid: number | undefined = process.getuid?.(),
  findUser: FindUser = findSystemUser,
): Promise<Owner | null> {
  if (ourUid !== 0) return null;
  for (const name of candidates) {
    const owner = await findUser(name);
    if (owner !== null && owner.uid !== 0) return owner;
  }
  throw new RouseError(
    "root_without_other_user",
    'Postgres refuses to run as root, and neither a user "postgres" nor "nobody" exists on this machine.',
    { nextStep: "Create one (useradd --system postgres), start rouse as another user, or set DATABASE_URL." },
  );
}

/** True when `owner` may enter every folder on the way to `target` and `target` itself. */
export async function canReach(owner: Owner, target: string): Promise<boolean> {
  const parent = path.dirname(target);
  if (parent !== target && !(await canReach(owner, parent))) return false;
  const { mode, uid, gid } = await stat(target);
  if (uid === owner.uid) return (mode & 0o100) !== 0;
  if (gid === owner.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

async function findSystemUser(name: string): Promise<Owner | null> {
  // `id` and not /etc/passwd: it also asks directory services, as Postgres itself does.
  const [uid, gid] = await Promise.all([idOf("-u", name), idOf("-g", name)]);
  return uid === null || gid === null ? null : { name, uid, gid };
}

function idOf(flag: "-u" | "-g", name: string): Promise<number | null> {
  return new Promise((resolve) => {
    execFile("id", [flag, name], (error, stdout) => resolve(error === null ? Number(stdout.trim()) : null));
  });
}
