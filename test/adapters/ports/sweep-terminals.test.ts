import { beforeEach, describe, expect, test } from "vitest";
import { sweepTerminals } from "../../../adapters/ports/sweep-terminals.ts";
import { addresses } from "../../../machines/mail.ts";
import { createScriptedTerminal, ScriptedWorld } from "../../../adapters/terminals/scripted/terminal.ts";
import type { Chore } from "../../../runtime/ports.ts";
import type { StoredActor } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";

let scripted: ScriptedWorld;
let actors: Map<string, StoredActor>;
let sweep: Chore;

beforeEach(() => {
  scripted = new ScriptedWorld(new ManualClock());
  actors = new Map();
  sweep = sweepTerminals({
    terminals: { scripted: createScriptedTerminal(scripted) },
    store: { getActor: (address) => Promise.resolve(actors.get(address) ?? null) },
  });
});

/** A living terminal, and what the runtime's chart knows. */
function launched(context: object, status: StoredActor["status"] = "active"): number {
  const { pid } = scripted.open({ runtimeId: "rt", argv: ["agent"], cwd: "/", env: {} });
  const known = { reported: { state: "dead" }, management: "managed", address: null, ...context };
  const record = JSON.stringify({ snapshot: { context: known } });
  const address = addresses.runtime("rt");
  const rest = { version: 1, machineVersion: "1", machineHash: "h", updatedAt: 0 };
  actors.set(address, { address, kind: "runtime", subject: "ann", status, record, ...rest });
  return pid;
}

const lives = (): boolean => scripted.get("rt")?.end === null;

describe("sweeping terminals", () => {
  test("a terminal that its dead runtime never learned of is ended at the second look", async () => {
    launched({});
    await sweep.run();
    expect(lives()).toBe(true);
    await sweep.run();
    expect(lives()).toBe(false);
  });

  test.each([
    ["is being launched", { reported: { state: "launching" } }],
    ["lives", { reported: { state: "idle" } }],
    ["was handed to a person", { management: "unmanaged" }],
  ])("the terminal of a runtime that %s is left alone", async (_what, context) => {
    launched(context);
    await sweep.run();
    await sweep.run();
    expect(lives()).toBe(true);
  });

  test("the terminal that a dead runtime had is left to its chart", async () => {
    const pid = launched({});
    launched({ address: { pid } });
    await sweep.run();
    await sweep.run();
    expect(lives()).toBe(true);
  });

  test("a terminal of a runtime that this database does not know is left alone", async () => {
    launched({});
    actors.clear();
    await sweep.run();
    await sweep.run();
    expect(lives()).toBe(true);
  });

  test("a runtime that was set aside keeps its terminal", async () => {
    launched({}, "quarantined");
    await sweep.run();
    await sweep.run();
    expect(lives()).toBe(true);
  });

  test("a terminal that is taken up between two looks is left alone", async () => {
    const pid = launched({});
    await sweep.run();
    launched({ reported: { state: "idle" }, address: { pid } });
    await sweep.run();
    launched({});
    await sweep.run();
    expect(lives()).toBe(true);
  });
});
