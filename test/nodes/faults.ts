import { setTimeout as pause } from "node:timers/promises";
import type { Host, Scene } from "./scene.ts";

/** What happens to a node or to the database, and for how long. Longer than every lease (10 s) and than a host counts as lost (20 s). */
export interface Fault {
  name: string;
  /** What must be true afterwards, for the table in docs/reliability.md. */
  expects: string;
  play: (scene: Scene) => Promise<void>;
}

const longerThanEveryLeaseMs = 23_000;

const single: readonly Fault[] = [
  {
    name: "node cut off from the database",
    expects:
      "others take over what may move; it commits and types nothing meanwhile, and goes on when it is back",
    play: (scene) =>
      during(
        hostOf(scene, 1),
        (host) => host.cable.cut(),
        (host) => host.cable.heal(),
      ),
  },
  {
    name: "connections refused",
    expects: "calls are answered with database_unavailable; it goes on when the database is back",
    play: (scene) =>
      during(
        hostOf(scene, 2),
        (host) => host.cable.refuse(),
        (host) => host.cable.heal(),
      ),
  },
  {
    name: "node stopped for longer than its leases",
    expects: "its late writes fail; what it held was taken over or is uncertain, never repeated",
    play: (scene) =>
      during(
        hostOf(scene, 2),
        (host) => host.node.program.signal("SIGSTOP"),
        (host) => host.node.program.signal("SIGCONT"),
      ),
  },
  {
    name: "node killed and started again",
    expects: "it takes back its own effects; its agents' terminals live on",
    async play(scene) {
      const { node } = hostOf(scene, 0);
      await node.program.kill("SIGKILL");
      await node.start();
    },
  },
  {
    name: "database restarted",
    expects: "no process ends, no call hangs",
    play: (scene) => scene.restartDatabase("fast"),
  },
  {
    name: "database stopped at once, as in a crash",
    expects: "everything acknowledged is there after recovery",
    play: (scene) => scene.restartDatabase("immediate"),
  },
  {
    name: "every backend terminated",
    expects: "commits of unknown outcome are asked for again with the same key",
    async play({ database }) {
      for (let round = 0; round < 10; round += 1) {
        await database.sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where backend_type = 'client backend' and pid <> pg_backend_pid()`;
        await pause(200);
      }
    },
  },
];

/** On different hosts, so that one is left that works. */
export const allAtOnce: Fault = {
  name: "all of these at once",
  expects: "nothing lost, nothing doubled, no process ended",
  async play(scene) {
    const play = async (name: string): Promise<void> =>
      single.find((fault) => fault.name === name)?.play(scene);
    const long = [play("node cut off from the database"), play("node stopped for longer than its leases")];
    await play("node killed and started again");
    await play("every backend terminated");
    await play("database stopped at once, as in a crash");
    await Promise.all(long);
  },
};

export const faults: readonly Fault[] = [...single, allAtOnce];

async function during(host: Host, begin: (host: Host) => void, end: (host: Host) => void): Promise<void> {
  begin(host);
  await pause(longerThanEveryLeaseMs);
  end(host);
}

function hostOf({ hosts }: Scene, index: number): Host {
  const host = hosts[index];
  if (host === undefined) throw new Error(`there is no host ${index + 1}`);
  return host;
}
