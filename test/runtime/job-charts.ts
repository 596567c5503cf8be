import { assign, setup } from "xstate";
import type { ChartMigration } from "../../machines/migration.ts";
import type { RegisteredMachine } from "../../machines/registry.ts";
import { machineHash } from "../../runtime/machine-hash.ts";
import { fetchPart, stampPart } from "./bench-chart.ts";

/** One chart in three releases, with migrations between them. */

const job = setup({
  types: {
    context: {} as { log: string[]; parts: number },
    events: {} as { type: "begin" | "rest" | "leave" },
  },
  actors: { fetchPart: fetchPart.logic, stampPart: stampPart.logic },
  delays: { patience: 10_000, nap: ({ context }) => context.parts * 1_000 },
  actions: {
    log: assign({ log: ({ context }, { text }: { text: string }) => [...context.log, text] }),
  },
});

type Config = Omit<Parameters<typeof job.createMachine>[0], "context">;
const context: { log: string[]; parts: number } = { log: [], parts: 2 };
const idle = { description: "Nothing to do.", on: { begin: "working", rest: "resting" } } as const;
const input = ({ context: { parts } }: { context: { parts: number } }) => ({ n: parts });
const fetching = { id: "fetch", src: "fetchPart", input, onDone: "idle", onError: "idle" } as const;
const stamping = { id: "stamp", src: "stampPart", input, onDone: "idle", onError: "idle" } as const;

function entryOf(
  version: string,
  config: Config,
  migrations: readonly ChartMigration[] = [],
): RegisteredMachine {
  const machine = job.createMachine({ ...config, id: "job", version, context });
  return { kind: "job", version, machine, ports: [fetchPart, stampPart], policy: {}, migrations };
}

export const first = entryOf("1", {
  initial: "idle",
  states: {
    idle,
    working: {
      description: "A part is fetched.",
      entry: { type: "log", params: { text: "working" } },
      invoke: fetching,
      after: { patience: "idle" },
      on: { leave: "idle" },
    },
    resting: {
      description: "A part is stamped, at leisure.",
      invoke: stamping,
      after: { patience: "idle" },
      on: { leave: "idle" },
    },
  },
});

/** `working` has become `running`, which stamps as well and naps; `resting` is gone. */
const secondConfig = {
  initial: "idle",
  states: {
    idle: { description: "Nothing to do.", on: { begin: "running" } },
    running: {
      description: "A part is fetched and stamped.",
      entry: { type: "log", params: { text: "running" } },
      invoke: [fetching, stamping],
      after: { nap: "idle" },
      on: { leave: "idle" },
    },
  },
} satisfies Config;

export const hashes = {
  first: machineHash(first.machine),
  second: machineHash(entryOf("2", secondConfig).machine),
};

export const toSecond: ChartMigration = {
  from: hashes.first,
  to: hashes.second,
  migrate: (state) => ({ ...state, value: state.value === "working" ? "running" : state.value }),
};

export const second = entryOf("2", secondConfig, [toSecond]);

/** As the second, but what was fetched is stamped under the same id. */
export function otherPortWith(rest: Partial<ChartMigration>): RegisteredMachine {
  const { running } = secondConfig.states;
  const invoke = { ...stamping, id: "fetch" };
  const config = { ...secondConfig, states: { ...secondConfig.states, running: { ...running, invoke } } };
  const to = machineHash(entryOf("2", config).machine);
  return entryOf("2", config, [{ ...toSecond, ...rest, to }]);
}

/** All of it beside a region that counts. */
const thirdConfig = {
  type: "parallel",
  states: {
    work: { description: "What the job is about.", initial: "idle", states: secondConfig.states },
    count: {
      description: "How much was done.",
      on: { leave: { actions: { type: "log", params: { text: "left" } } } },
    },
  },
} satisfies Config;

export function thirdWith(
  migrate: ChartMigration["migrate"],
  rest: Partial<ChartMigration> = {},
): RegisteredMachine {
  const bare = entryOf("3", thirdConfig);
  const step = { from: hashes.second, to: machineHash(bare.machine), migrate, ...rest };
  return entryOf("3", thirdConfig, [toSecond, step]);
}
