import { importsOf, isProduction, isTypeScript, type Import, type SourceFile } from "./source-file.ts";

/**
 * Who may import what. The first entry whose `files` matches a path decides.
 * `internal`: what the path of an imported file must match, besides a file of the same layer.
 * `packages`: what the name of an imported package must match.
 */
interface Layer {
  name: string;
  files: RegExp;
  internal: RegExp;
  packages: RegExp;
}

const NOTHING = /^$/u;
/** What the engine promises and asks for: ports, records, errors. The layers around it know the engine by these alone. */
const CONTRACTS = String.raw`machines/.*|runtime/(?:ports|errors|store|clock|domain|engine|summary|terminal|json|printable|audit-chain|token-records|shard)\.ts`;
const NOT_XSTATE = /^(?!xstate(?:\/|$)|@xstate\/)/u;

const LAYERS: Layer[] = [
  { name: "machines", files: /^machines\//u, internal: NOTHING, packages: /^(?:xstate|zod)$/u },
  {
    name: "kernel",
    files: /^runtime\/(?:kernel|inert-scope)\.ts$/u,
    internal: /^(?:machines|runtime)\//u,
    packages: /^(?:xstate|zod|node:(?:assert|crypto|util))$/u,
  },
  {
    name: "runtime",
    files: /^runtime\//u,
    internal: /^machines\//u,
    packages: /^(?:zod|node:(?:assert|async_hooks|crypto|events|util))$/u,
  },
  {
    name: "persistence",
    files: /^persistence\//u,
    internal: new RegExp(`^(?:${CONTRACTS})$`, "u"),
    packages: NOT_XSTATE,
  },
  {
    name: "adapters",
    files: /^adapters\//u,
    internal: new RegExp(`^(?:${CONTRACTS})$`, "u"),
    packages: NOT_XSTATE,
  },
  {
    name: "composition root",
    files: /^api\/(?:main\.ts|node\/)/u,
    internal: /^(?!test\/)/u,
    packages: NOT_XSTATE,
  },
  {
    // The other composition: the engine and its stores for charts of strangers. XState by its types alone.
    name: "library",
    files: /^api\/library\//u,
    internal: /^(?:machines|runtime|persistence|api\/node)\//u,
    packages: NOT_XSTATE,
  },
  {
    name: "machine export",
    files: /^api\/(?:operations|cli)\/machine[^/]*\.ts$/u,
    internal: /^(?:machines|runtime|api)\//u,
    packages: /./u,
  },
  {
    // Runs in browsers, too. Of the operations it takes types alone; a test holds that.
    name: "client",
    files: /^api\/client\//u,
    internal: /^(?:runtime\/errors\.ts|api\/operations\/.*)$/u,
    packages: /^(?:zod|eventsource-parser)$/u,
  },
  {
    name: "api/operations",
    files: /^api\/operations\//u,
    internal: /^(?:machines|runtime)\//u,
    packages: NOT_XSTATE,
  },
  {
    // The play needs players: scripted agents, known by their definition alone.
    name: "demo",
    files: /^api\/cli\/demo(?:\/|\.ts)/u,
    internal:
      /^(?:api\/cli\/.*|runtime\/(?:errors|printable)\.ts|api\/node-messages\.ts|adapters\/agents\/scripted\/(?:definition|roles|wake-log)\.ts)$/u,
    packages: NOT_XSTATE,
  },
  {
    // They run charts by the engine's own rules: in the CLI's process, which alone can load a person's file.
    name: "chart check and replay",
    files: /^api\/cli\/(?:check\/|replay\/|commands\/(?:check|replay)\.ts$)/u,
    internal: /^(?:machines|runtime|api\/cli)\//u,
    packages: NOT_XSTATE,
  },
  {
    // What agent programs of this host need: looked at and set up by the person, in the CLI's process.
    name: "agents of this host",
    files: /^api\/cli\/agents\//u,
    internal:
      /^(?:api\/cli\/.*|api\/(?:config|program-path)\.ts|api\/operations\/fields\.ts|runtime\/(?:clock|errors|printable)\.ts|adapters\/agents\/.*|adapters\/terminals\/tmux\/terminal\.ts)$/u,
    packages: NOT_XSTATE,
  },
  {
    name: "api/cli",
    files: /^api\/cli\//u,
    internal:
      /^(?:machines\/.*|runtime\/(?:errors|printable|audit-chain)\.ts|api\/operations\/.*|api\/client\/.*|api\/(?:config|secrets|node-messages|program-path|cli\/demo|cli\/agents\/(?:doctor|connect)|cli\/commands\/check|cli\/commands\/replay)\.ts)$/u,
    packages: NOT_XSTATE,
  },
  { name: "api/console", files: /^api\/console\//u, internal: NOTHING, packages: NOT_XSTATE },
  {
    name: "api",
    files: /^api\//u,
    internal: new RegExp(`^(?:${CONTRACTS}|api/(?!cli/|console/|node/|main\\.ts).*)$`, "u"),
    packages: NOT_XSTATE,
  },
  { name: "test", files: /^test\//u, internal: /./u, packages: /./u },
];

/** Imports that cross the layers the wrong way. */
export function layerViolations(files: readonly SourceFile[]): string[] {
  return files.filter(isTypeScript).flatMap((file) => {
    const layer = layerOf(file.path);
    if (layer === undefined) return [];
    return importsOf(file)
      .filter((imported) => !mayImport(layer, imported))
      .map(({ specifier }) => `${file.path}: ${layer.name} may not import ${specifier}`);
  });
}

function layerOf(path: string): Layer | undefined {
  return LAYERS.find(({ files }) => files.test(path));
}

function mayImport(layer: Layer, { specifier, target, isTypeOnly }: Import): boolean {
  const mayNameTypes = layer.name === "runtime" || layer.name === "library";
  if (mayNameTypes && isTypeOnly && specifier === "xstate") return true;
  if (target === null) return layer.packages.test(specifier);
  return layer.internal.test(target) || layerOf(target) === layer || isPartOfEngine(layer, target);
}

/** The kernel is a layer of its own only in what it may import: the rest of the engine calls it. */
function isPartOfEngine(layer: Layer, target: string): boolean {
  return layer.name === "runtime" && target.startsWith("runtime/");
}

/** Circles of imports, each named once, type-only imports included. */
export function cycleViolations(files: readonly SourceFile[]): string[] {
  const graph = new Map(
    files
      .filter(isTypeScript)
      .map((file) => [file.path, importsOf(file).flatMap(({ target }) => target ?? [])]),
  );
  const finished = new Set<string>();
  const cycles: string[] = [];

  function visit(path: string, trail: readonly string[]): void {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push(`${[...trail.slice(start), path].join(" → ")} is a circle of imports`);
    if (start >= 0 || finished.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  }

  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

/** Production code that reaches into the tests: it would not ship. */
export function testImportViolations(files: readonly SourceFile[]): string[] {
  return files.filter(isProduction).flatMap((file) =>
    importsOf(file)
      .filter(
        ({ target, specifier }) =>
          target?.startsWith("test/") === true || /^(?:vitest|fast-check)(?:\/|$)/u.test(specifier),
      )
      .map(({ specifier }) => `${file.path}: production may not import ${specifier}`),
  );
}
