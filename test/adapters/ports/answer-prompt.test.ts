import { beforeEach, describe, expect, test } from "vitest";
import { createScreenReader } from "../../../adapters/terminals/patterns.ts";
import { promptPatterns } from "../../../adapters/terminals/scripted/prompt-program.ts";
import { addresses } from "../../../machines/mail.ts";
import type { RuntimeContext } from "../../../machines/runtime/events.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { TerminalAddress } from "../../../runtime/terminal.ts";
import { eagerStage, type Stage } from "./stage.ts";

const read = createScreenReader(promptPatterns);

let stage: Stage;
let address: TerminalAddress;
let fingerprint: string;

beforeEach(async () => {
  stage = eagerStage();
  address = await stage.launch("rt");
  stage.addRuntime("rt", { address });
  await stage.terminal.paste(address, "/ask delete it");
  await stage.terminal.pressEnter(address);
  fingerprint = (await shown())?.fingerprint ?? "";
});

const shown = async () => read(await stage.terminal.view(address)).prompt;
const asked = () => ({
  ...{ runtimeId: "rt", agentId: "reviewer", host: "here", fingerprint, option: "1" },
  until: stage.clock.now() + 30_000,
});
const answer = (changes: object = {}, call: object = {}) =>
  stage.perform("answerPrompt", { ...asked(), ...changes }, call);

async function expectNothingPressed(): Promise<void> {
  expect((await shown())?.fingerprint).toBe(fingerprint);
}

describe("the answer to a dialog", () => {
  test("is pressed once, marked as started before it", async () => {
    expect(await answer()).toEqual({ verdict: "answered" });
    expect(stage.started).toBe(1);
    expect((await stage.terminal.view(address)).lines).toContain("delete it: Yes");
  });

  test.each<[string, Partial<RuntimeContext>, string]>([
    ["an unmanaged runtime", { management: "unmanaged" }, "unmanaged"],
    ["a paused runtime", { injection: "paused" }, "injectionPaused"],
    ["a runtime of another host", { host: "there" }, "identityMismatch"],
    ["a runtime without a terminal", { address: null }, "terminalMissing"],
  ])("is not pressed into %s", async (_, context, reason) => {
    stage.addRuntime("rt", { address, ...context });
    expect(await answer()).toEqual({ verdict: "refused", reason });
    expect(stage.started).toBe(0);
    await expectNothingPressed();
  });

  test("is not pressed for a paused agent", async () => {
    stage.addAgent("reviewer", { paused: true });
    expect(await answer()).toEqual({ verdict: "refused", reason: "injectionPaused" });
    await expectNothingPressed();
  });

  test("is not pressed when it comes too late", async () => {
    expect(await answer({ until: stage.clock.now() - 1 })).toEqual({ verdict: "refused", reason: "tooLate" });
    await expectNothingPressed();
  });

  test("is not pressed into a screen of a version that nobody recorded", async () => {
    stage.addAgent("reviewer", { kind: null, definition: null });
    expect(await answer()).toEqual({ verdict: "refused", reason: "promptChanged" });
    await expectNothingPressed();
  });

  test("is not pressed when the runtime is paused between the look and the key", async () => {
    let reads = 0;
    const getActor = async () => {
      reads += 1;
      if (reads === 3) stage.addRuntime("rt", { address, injection: "paused" });
      return stage.actors.get(addresses.runtime("rt")) ?? null;
    };
    expect(await answer({}, { getActor })).toEqual({ verdict: "refused", reason: "injectionPaused" });
    await expectNothingPressed();
  });

  test("is not pressed when the effect is not ours any more", async () => {
    const markStarted = () => Promise.reject(new RouseError("lease_lost", "gone"));
    await expect(answer({}, { markStarted })).rejects.toMatchObject({ code: "lease_lost" });
    await expectNothingPressed();
  });
});
