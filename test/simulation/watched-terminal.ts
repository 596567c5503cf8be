import type { SimProcess, SimWorld, Typing } from "./contract.ts";
import type { Terminal } from "../../runtime/terminal.ts";
import { acting, type AttemptActing } from "./acting.ts";

/** The host's terminal as one process uses it: each act is an entry of the scheduler, and shown to the checks. */
export function watchedTerminal(world: SimWorld, process: SimProcess, terminal: Terminal): Terminal {
  const act = <Result>(label: string, perform: () => Promise<Result>): Promise<Result> => {
    const attempt = attemptHere();
    if (attempt?.look) attempt.look.isLatest = false;
    return process.act({
      kind: "terminal",
      label: `${label}${attempt === null ? "" : ` (${attempt.port} ${attempt.effect})`}`,
      perform,
    });
  };
  const type = <Result>(typing: Omit<Typing, "process" | "attempt">, write: () => Promise<Result>) => {
    const whole: Typing = { ...typing, process, attempt: attemptHere() };
    world.checks.onTyping(whole, "issued");
    return act(`${typing.key} into ${typing.address.target}`, async () => {
      const result = await write();
      world.checks.onTyping(whole, "written");
      return result;
    });
  };
  return {
    backend: terminal.backend,
    probe: () => terminal.probe(),
    launch: (request) => act(`launch ${request.runtimeId}`, () => terminal.launch(request)),
    adopt: (target) => act(`adopt ${target.target}`, () => terminal.adopt(target)),
    find: (runtimeId) => act(`find ${runtimeId}`, () => terminal.find(runtimeId)),
    listLaunched: () => act("list terminals", () => terminal.listLaunched()),
    async view(address) {
      const attempt = attemptHere();
      let lookedAt = { step: 0, at: 0 };
      const view = await act(`view ${address.target}`, () => {
        lookedAt = { step: world.scheduler.steps, at: world.scheduler.now };
        return terminal.view(address);
      });
      if (attempt !== null) {
        attempt.firstLookAtStep ??= lookedAt.step;
        attempt.look = { view, ...lookedAt, isLatest: true };
      }
      return view;
    },
    paste: (address, text) => type({ address, key: "paste" }, () => terminal.paste(address, text)),
    pressEnter: (address) => type({ address, key: "enter" }, () => terminal.pressEnter(address)),
    pressKey: (address, key) => type({ address, key: "answer" }, () => terminal.pressKey(address, key)),
    leaveCopyMode: (address) =>
      act(`leave history of ${address.target}`, () => terminal.leaveCopyMode(address)),
    watch: (address, onChange) =>
      act(`watch ${address.target}`, () =>
        terminal.watch(address, () => {
          if (process.alive) world.scheduler.schedule(process, 0, "", onChange);
        }),
      ),
    kill: (address) => act(`kill ${address.target}`, () => terminal.kill(address)),
    attachCommand: (address) => terminal.attachCommand(address),
    close: () => terminal.close(),
  };
}

function attemptHere(): AttemptActing | null {
  const who = acting.getStore();
  return who?.type === "attempt" ? who : null;
}
