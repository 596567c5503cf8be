import type { Doorbell, Store } from "../../runtime/store.ts";
import type { Terminal } from "../../runtime/terminal.ts";
import { seamTransaction, type TransactionKind } from "./seamed-transaction.ts";
import type { SeamName } from "./seams.ts";
import type { Tripwire } from "./tripwire.ts";

/** The parts by which a node leaves its process, with a seam before and after each call that matters. */

export function seamStore(store: Store, wire: Tripwire): Store {
  return {
    ...store,
    transaction: transactionWith(store, wire),
    async fireTimers(request) {
      wire.pass("timers.firing");
      const result = await store.fireTimers(request);
      if (result.fired > 0) wire.pass("timers.fired");
      return result;
    },
    async claimEffects(request) {
      wire.pass("effects.claiming");
      const claimed = await store.claimEffects(request);
      if (claimed.length > 0) wire.pass("effects.claimed");
      return claimed;
    },
    async claimExpiredEffects(request) {
      if (request.includingOwn === true) wire.pass("effects.recovering");
      const claimed = await store.claimExpiredEffects(request);
      if (claimed.length > 0) wire.pass("effects.recovered");
      return claimed;
    },
    startEffect: (lease) =>
      between(wire, ["effect.starting", "effect.started"], () => store.startEffect(lease)),
    settleEffect: (lease, outcome) =>
      between(wire, ["effect.settling", "effect.settled"], () => store.settleEffect(lease, outcome)),
    renewLeases: (request) =>
      between(wire, ["leases.renewing", "leases.renewed"], () => store.renewLeases(request)),
    beatNode: (request) => between(wire, ["node.beating", "node.beaten"], () => store.beatNode(request)),
  };
}

export function seamDoorbell(doorbell: Doorbell, wire: Tripwire): Doorbell {
  return {
    ...doorbell,
    ring() {
      wire.pass("doorbell.ringing");
      doorbell.ring();
    },
  };
}

/** Spelled out: a terminal is an instance of a class, of which a spread takes nothing. */
export function seamTerminal(terminal: Terminal, wire: Tripwire): Terminal {
  return {
    backend: terminal.backend,
    probe: () => terminal.probe(),
    adopt: (target) => terminal.adopt(target),
    find: (runtimeId) => terminal.find(runtimeId),
    listLaunched: () => terminal.listLaunched(),
    pressKey: (address, key) => terminal.pressKey(address, key),
    leaveCopyMode: (address) => terminal.leaveCopyMode(address),
    attachCommand: (address) => terminal.attachCommand(address),
    close: () => terminal.close(),
    async view(address) {
      const view = await terminal.view(address);
      wire.pass("terminal.looked");
      return view;
    },
    paste: (address, text) =>
      through(wire, ["typing.pasting", "typing.pasteSent", "typing.pasted"], () =>
        terminal.paste(address, text),
      ),
    pressEnter: (address) =>
      through(wire, ["typing.entering", "typing.enterSent", "typing.entered"], () =>
        terminal.pressEnter(address),
      ),
    launch: (request) =>
      through(wire, ["launch.launching", "launch.launchSent", "launch.launched"], () =>
        terminal.launch(request),
      ),
    async watch(address, onChange) {
      const stop = await terminal.watch(address, onChange);
      wire.pass("terminal.watched");
      return stop;
    },
    kill: (address, options) =>
      between(wire, ["terminal.killing", "terminal.killed"], () => terminal.kill(address, options)),
  };
}

function transactionWith(store: Store, wire: Tripwire): Store["transaction"] {
  return async (work, options = {}) => {
    if (options.readOnly === true) return store.transaction(work, options);
    let kind: TransactionKind | null = null;
    const result = await store.transaction(async (tx) => {
      const seamed = seamTransaction(tx, wire, { isLeased: options.lease !== undefined });
      const done = await work(seamed.tx);
      kind = seamed.kind();
      if (kind !== null) {
        wire.pass(`${kind}.written`);
        wire.passOnceSent(`${kind}.committing`);
      }
      return done;
    }, options);
    if (kind !== null) wire.pass(`${kind as TransactionKind}.committed`);
    return result;
  };
}

async function between<Result>(
  wire: Tripwire,
  [before, after]: readonly [SeamName, SeamName],
  act: () => Promise<Result>,
): Promise<Result> {
  wire.pass(before);
  const result = await act();
  wire.pass(after);
  return result;
}

async function through<Result>(
  wire: Tripwire,
  [before, sent, after]: readonly [SeamName, SeamName, SeamName],
  act: () => Promise<Result>,
): Promise<Result> {
  wire.pass(before);
  wire.passOnceSent(sent);
  const result = await act();
  wire.pass(after);
  return result;
}
