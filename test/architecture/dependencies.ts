import { z } from "zod";
import type { SourceFile } from "./source-file.ts";

const Manifest = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ optionalDependencies: z.record(z.string(), z.string()).default({}) }),
  ),
});

/** Every dependency is exact, and docs/dependencies.md says why it is there; what it names is still in use. */
export function dependencyViolations(files: readonly SourceFile[]): string[] {
  const { dependencies, devDependencies, optionalDependencies } = Manifest.parse(
    JSON.parse(textOf(files, "package.json")),
  );
  const wanted = { ...dependencies, ...devDependencies, ...optionalDependencies };
  const explained = new Set(
    [...textOf(files, "docs/dependencies.md").matchAll(/^- `([^`]+)`: \S/gmu)].map((match) => match[1]),
  );
  return [
    ...Object.keys(wanted)
      .filter((name) => !explained.has(name))
      .map((name) => `docs/dependencies.md: does not say why ${name}`),
    ...[...explained]
      .filter((name) => name !== undefined && !(name in wanted))
      .map((name) => `docs/dependencies.md: ${name} is no dependency`),
    ...Object.entries(wanted)
      .filter(([, version]) => !/^(?:npm:@?[^@]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$|^file:/u.test(version))
      .map(([name, version]) => `package.json: ${name} ${version} is not an exact version`),
  ];
}

/** `npm ci` refuses a lockfile that lacks an optional package, whatever the platform. */
export function lockfileViolations(files: readonly SourceFile[]): string[] {
  const { packages } = Lock.parse(JSON.parse(textOf(files, "package-lock.json")));
  const locked = new Set(
    Object.keys(packages).map((path) =>
      path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
    ),
  );
  const wanted = new Set(Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies)));
  return [...wanted]
    .filter((name) => !locked.has(name))
    .map((name) => `package-lock.json: lacks ${name}, run \`npm run lock\``);
}

function textOf(files: readonly SourceFile[], path: string): string {
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) throw new Error(`${path} is missing`);
  return file.text;
}
