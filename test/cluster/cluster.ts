import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "../../persistence/postgres/connect.ts";
import type { Host } from "../network/namespaces.ts";
import { Program } from "../network/program.ts";
import { until } from "../network/until.ts";
import type { Programs } from "./programs.ts";
import {
  databaseUrls,
  etcdArguments,
  haproxyConfig,
  password,
  patroniConfig,
  pgbouncerConfig,
  ports,
  type Member,
} from "./settings.ts";
import { missingToBeWhole, streamingStandbys, type MemberState, type Standby } from "./whole.ts";

async function ask<Answer>(address: string, what: string): Promise<Answer> {
  const url = `http://${address}:${ports.patroni}/${what}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
  return (await response.json()) as Answer;
}

/** Three Postgres under Patroni with etcd, each trio on a host of its own; HAProxy and PgBouncer in front of them. */
export class Cluster {
  readonly #root: string;
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #programs: Programs;
  readonly #running = new Map<string, Program[]>();

  constructor(options: { root: string; hosts: ReadonlyMap<string, Host>; programs: Programs }) {
    this.#root = options.root;
    this.#hosts = options.hosts;
    this.#programs = options.programs;
  }

  get #members(): Member[] {
    return [...this.#hosts].map(([name, { address }]) => ({ name, address }));
  }

  async start(): Promise<void> {
    for (const member of this.#members) {
      this.#folder(member.name);
      const folders = { root: this.#root, bin: this.#programs.postgres };
      this.#write(`${member.name}/patroni.yml`, patroniConfig(member, this.#members, folders));
      this.startMember(member.name);
    }
    this.#folder("hub");
    this.#write("hub/haproxy.cfg", haproxyConfig(this.#members));
    this.#write("hub/users.txt", `"rouse" "${password}"\n`);
    this.#write(
      "hub/pgbouncer.ini",
      pgbouncerConfig(join(this.#root, "hub/users.txt"), join(this.#root, "hub")),
    );
    const { haproxy, pgbouncer } = this.#programs;
    this.#run("hub", null, [haproxy, "-db", "-f", join(this.#root, "hub/haproxy.cfg")]);
    this.#run("hub", null, [pgbouncer, join(this.#root, "hub/pgbouncer.ini")]);
    await this.whole();
    await this.#createDatabase();
  }

  startMember(name: string): void {
    const host = this.#hosts.get(name);
    const member = this.#members.find((each) => each.name === name);
    if (host === undefined || member === undefined) throw new Error(`there is no ${name}`);
    const { etcd, patroni } = this.#programs;
    this.#run(name, host, [etcd, ...etcdArguments(member, this.#members, join(this.#root, name, "etcd"))]);
    this.#run(name, host, [patroni, join(this.#root, name, "patroni.yml")]);
  }

  /** As when the machine loses power: everything on it is gone at once. */
  async killMember(name: string): Promise<void> {
    const host = this.#hosts.get(name);
    host?.kill();
    await Promise.all((this.#running.get(name) ?? []).map((program) => program.kill()));
    this.#running.delete(name);
    await until(`everything on ${name} to end`, 10_000, () => host?.pids().length === 0);
  }

  cut(name: string): void {
    this.#hosts.get(name)?.cut();
  }

  heal(name: string): void {
    this.#hosts.get(name)?.heal();
  }

  async primary(): Promise<string> {
    return until("a primary", 60_000, async () => {
      const leaders = (await this.#states()).filter(({ role }) => role === "leader");
      return leaders.length === 1 ? (leaders[0]?.name ?? null) : null;
    });
  }

  async replica(): Promise<string> {
    const found = (await this.#states()).find(({ role }) => role !== "leader");
    if (found === undefined) throw new Error("there is no replica");
    return found.name;
  }

  /** Whether a member other than the given one says of itself that it is the primary. */
  async leadsWithout(struck: string): Promise<boolean> {
    const others = this.#members.filter(({ name }) => name !== struck);
    const answers = await Promise.allSettled(
      others.map(({ address }) =>
        fetch(`http://${address}:${ports.patroni}/primary`, {
          method: "OPTIONS",
          signal: AbortSignal.timeout(1_000),
        }),
      ),
    );
    return answers.some((answer) => answer.status === "fulfilled" && answer.value.ok);
  }

  /** Resolves when it may be struck again: see `missingToBeWhole`. Rejects with what is missing. */
  async whole(): Promise<void> {
    let missing: string | null = null;
    await until("the cluster to be whole", 120_000, async () => {
      missing = missingToBeWhole(await this.#states(), await this.#replication());
      return missing === null;
    }).catch((cause: unknown) => {
      throw new Error(`the cluster is not whole: ${missing}`, { cause });
    });
  }

  /** Has what does not stream copied anew from the primary, as an operator would: `patronictl reinit`. */
  async copyAnew(): Promise<string[]> {
    const states = await this.#states();
    const streaming = streamingStandbys(states, await this.#replication());
    const broken = states.filter(({ name, role }) => role !== "leader" && !streaming.includes(name));
    for (const { name } of broken) {
      const body = JSON.stringify({ force: true });
      const url = `http://${this.#hosts.get(name)?.address}:${ports.patroni}/reinitialize`;
      await fetch(url, { method: "POST", body });
    }
    return broken.map(({ name }) => name);
  }

  /** As Patroni tells it: one line for each member. */
  async report(): Promise<string[]> {
    return (await this.#states()).map((state) => JSON.stringify(state));
  }

  async #states(): Promise<MemberState[]> {
    const asked = this.#members.map(({ address }) => ask<{ members: MemberState[] }>(address, "cluster"));
    return (await Promise.any(asked)).members;
  }

  async #replication(): Promise<Standby[]> {
    const address = `${this.#hosts.get(await this.primary())?.address}`;
    return (await ask<{ replication?: Standby[] }>(address, "patroni")).replication ?? [];
  }

  async #createDatabase(): Promise<void> {
    const database = connect({ url: databaseUrls.admin, max: 1 });
    try {
      await until("the proxy to find the primary", 30_000, async () => {
        await database.sql`select 1`;
        return true;
      });
      await database.sql.unsafe(`create role rouse login password '${password}'`);
      // PgBouncer passes no such settings on, so the role carries them.
      await database.sql.unsafe("alter role rouse set statement_timeout = '27s'");
      await database.sql.unsafe("alter role rouse set idle_in_transaction_session_timeout = '31s'");
      await database.sql.unsafe("create database rouse owner rouse");
    } finally {
      await database.close();
    }
  }

  /** Without a host: in the hub, where we are. */
  #run(where: string, host: Host | null, command: readonly string[]): void {
    const [program = ""] = command;
    const line = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command];
    const log = join(this.#root, where, `${program.split("/").at(-1)}.log`);
    const started = Program.start(
      `${program} on ${where}`,
      host?.run(...(line as [string, ...string[]])) ?? line,
      { log },
    );
    this.#running.set(where, [...(this.#running.get(where) ?? []), started]);
  }

  #folder(name: string): void {
    const path = join(this.#root, name);
    mkdirSync(path);
    const { uid, gid } = postgresUser();
    chownSync(path, uid, gid);
  }

  #write(name: string, text: string): void {
    const path = join(this.#root, name);
    writeFileSync(path, text, { mode: 0o600 });
    const { uid, gid } = postgresUser();
    chownSync(path, uid, gid);
  }
}

function postgresUser(): { uid: number; gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((each) => each.startsWith("postgres:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error("there is no user postgres");
  return { uid: Number(uid), gid: Number(gid) };
}
