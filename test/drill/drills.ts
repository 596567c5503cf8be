import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seatPerson } from "../../api/cli/demo/person.ts";
import { stopEmbedded } from "../../persistence/embedded/server.ts";
import type { Site } from "./site.ts";

/** How one thing is broken for real. What stands in the runbook is to cure it. */
export interface Drill {
  /** Of the runbook. */
  name: string;
  /** Which of the runbook's troubles, where it has several. */
  trouble?: string;
  /** Waits of a wake that differ from those of the site, in ms. */
  wake?: Readonly<Record<string, number>>;
  /** What the commands under "Look" must show. */
  shows: RegExp;
  break: (site: Site) => Promise<void>;
}

/** As it is chosen and reported. */
export const titleOf = ({ name, trouble }: Drill): string =>
  trouble === undefined ? name : `${name}/${trouble}`;

const thread = "th-1";
const agent = "dev-1";

const blocked = (site: Site, ...reasons: readonly string[]) =>
  site.until(`${agent} is blocked (${reasons.join(" or ")})`, async () => {
    const { participants } = await site.stage.call("list_participants", { thread_id: thread });
    return participants.some(({ blocked_reason: why }) => reasons.includes(why ?? "")) ? true : null;
  });

/** A person typed half a sentence into the agent's box and went away; then somebody posts. */
async function leaveDraft(site: Site): Promise<void> {
  await site.thread(thread, agent);
  const runtime = await site.launch(agent);
  if (runtime.backend !== "tmux") throw new Error("this drill needs tmux");
  Object.assign(site.variables, { SERVER: runtime.server ?? "", TARGET: runtime.target ?? "" });
  const person = await seatPerson(runtime);
  await person.type("half a sentence");
  await person.leave();
  await site.post(thread);
}

async function keepDefinition(site: Site): Promise<void> {
  const path = join(site.stage.home, "definition.json");
  writeFileSync(path, JSON.stringify(site.definition(agent)));
  site.variables["DEFINITION"] = path;
}

export const drills: readonly Drill[] = [
  {
    name: "node-down",
    shows: /has ended without a goodbye/u,
    async break(site) {
      await site.thread(thread, agent);
      await site.launch(agent);
      await site.stage.call("pause_injection", { scope: "workspace", reason: "so that the wake is due" });
      await site.post(thread);
      await site.stage.call("resume_injection", { scope: "workspace", reason: "now it is" });
      process.kill(site.stage.node.pid, "SIGKILL");
    },
  },
  {
    name: "lost-database",
    shows: /has ended without a goodbye/u,
    async break(site) {
      await site.thread(thread, agent);
      await site.launch(agent);
      // The wake is due when the database goes: it must come after the backup came back.
      await site.stage.call("pause_injection", { scope: "agent", agent_id: agent, reason: "hold it" });
      await site.post(thread);
      await site.stage.call("resume_injection", { scope: "agent", agent_id: agent, reason: "let go" });
      site.variables["BACKUP"] = join(site.stage.home, "backup.gz");
      const { code, output } = await site.shell(`rouse backup "$BACKUP"`);
      if (code !== 0) throw new Error(output);
      process.kill(site.stage.node.pid, "SIGKILL");
      const folder = join(site.stage.home, "postgres");
      const dataDir = readFileSync(join(folder, "location"), "utf8");
      await stopEmbedded({ dir: folder });
      for (const gone of [dataDir, folder]) rmSync(gone, { recursive: true, force: true });
    },
  },
  {
    name: "storage-contention",
    shows: /drill-console +idle in transaction .*\b[1-9]\d*\b/u,
    async break(site) {
      await site.thread(thread, agent);
      const sql = await site.database("drill-console");
      const session = await sql.reserve();
      await session`begin`;
      // Otherwise a patient server ends it before a slow reader does.
      await session`set local idle_in_transaction_session_timeout = 0`;
      await session`lock table rouse.thread in access exclusive mode`;
      const [row] = await session`select pg_backend_pid() as pid`;
      site.variables["PID"] = String(row?.["pid"]);
      // Somebody waits for it: what the runbook's reader sees.
      void site.post(thread).catch(() => {});
      const watch = await site.database("drill-watch");
      await site.until("a post waits", async () => {
        const [found] = await watch`
          select 1 from pg_stat_activity where ${Number(row?.["pid"])} = any(pg_blocking_pids(pid))`;
        return found === undefined ? null : true;
      });
    },
  },
  {
    name: "delivery-delay",
    shows: /injection is paused for workspace/u,
    async break(site) {
      await site.thread(thread, agent);
      await site.launch(agent);
      await site.stage.call("pause_injection", { scope: "workspace", reason: "demonstration" });
      await site.post(thread);
      await site.until("the wake is held", async () =>
        (await site.attention(thread, agent)) === "unread" ? true : null,
      );
    },
  },
  {
    name: "authorization-misconfigured",
    shows: new RegExp(`${agent} \\(participant\\) .*refused +(?:forbidden|transition_refused)`, "u"),
    async break(site) {
      await site.thread(thread, agent);
      site.variables["TOKEN_FILE"] = join(site.stage.home, "lead.token");
      const input = { thread_id: thread, agent_id: agent, reason: "it is late" };
      await site.callAs(agent, "block_participant", input).catch(() => {});
    },
  },
  {
    name: "token-issuer-down",
    trouble: "token-spoilt",
    shows: /unauthenticated/u,
    async break(site) {
      writeFileSync(join(site.stage.home, "operator.token"), "spoilt\n");
    },
  },
  {
    name: "token-issuer-down",
    trouble: "node-down",
    shows: /has ended without a goodbye/u,
    async break(site) {
      process.kill(site.stage.node.pid, "SIGKILL");
    },
  },
  {
    name: "token-issuer-down",
    trouble: "key-unreadable",
    shows: /\(internal\)/u,
    async break(site) {
      const sql = await site.database("drill-breaker");
      await sql`update rouse.signing_key set private_jwk = '{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}'`;
    },
  },
  {
    name: "escalation-flood",
    shows: /loopRepeatedFinding[^]*th-3/u,
    async break(site) {
      for (const id of ["th-1", "th-2", "th-3"]) {
        await site.thread(id, agent);
        await site.stage.call("add_participant", { thread_id: id, agent_id: "rev-1" });
        for (let round = 0; round < 3; round += 1) {
          const finding = { thread_id: id, body: "parser.ts leaks a handle", kind: "finding" };
          await site.callAs("rev-1", "post_message", finding);
        }
      }
      await site.until("three threads are blocked", async () => {
        const { threads } = await site.stage.call("list_threads", { status: "blocked" });
        return threads.length === 3 ? true : null;
      });
    },
  },
  {
    name: "wake-failures",
    shows: /is blocked \((?:exhausted|crashLooping)\)/u,
    async break(site) {
      await site.thread(thread, agent);
      await keepDefinition(site);
      const definition = site.definition(agent, ["/bin/false"]);
      await site.stage.call("register_agent", { agent_id: agent, kind: "generic", definition });
      await site.post(thread);
      await blocked(site, "exhausted", "crashLooping");
    },
  },
  {
    name: "unmanaged-target",
    shows: /is blocked \(unmanaged\)/u,
    async break(site) {
      await site.thread(thread, agent);
      await keepDefinition(site);
      const program = spawn("sleep", ["600"], { stdio: "ignore" });
      site.atEnd(() => void program.kill("SIGKILL"));
      const input = { agent_id: agent, mode: "attach", pid: program.pid };
      const { runtime } = await site.stage.call("register_runtime", input);
      site.variables["RUNTIME"] = runtime.runtime_id;
      await site.post(thread);
      await blocked(site, "unmanaged");
    },
  },
  {
    name: "collision-deferred-timeout",
    trouble: "deferred",
    shows: /but its wake waits: .*draft/u,
    async break(site) {
      await leaveDraft(site);
      await site.until("the wake waits", async () =>
        (await site.attention(thread, agent)) === "deferred" ? true : null,
      );
    },
  },
  {
    name: "collision-deferred-timeout",
    trouble: "timed-out",
    // With a session to resume or start, the wake would go on there.
    wake: { deferMaxMs: 3_000, resumes: 0, spawns: 0 },
    shows: /is blocked \(humanPresent\)/u,
    async break(site) {
      await leaveDraft(site);
      await blocked(site, "humanPresent");
    },
  },
];
