import { until } from "../../network/until.ts";
import { openNotifier } from "../notifier.ts";
import { runProcess, type Outcome, type Stage } from "./stage.ts";

/** Command lines that together show every command's answer. */
export interface AnswerLine {
  /** Words divided by spaces; `$NAME` stands for what `before` gives. */
  text: string;
  /** Brings about what it needs. */
  before?: (stage: Stage) => Promise<Record<string, string>>;
  /** As a process of its own: with this on its standard input. */
  input?: string;
}

export async function runLine(stage: Stage, { text, before, input }: AnswerLine): Promise<Outcome> {
  const given = (await before?.(stage)) ?? {};
  const args = text.split(" ").map((word) => (word.startsWith("$") ? (given[word.slice(1)] ?? word) : word));
  if (input === undefined) return stage.rouse([...args, "--json"]);
  return runProcess([...args, "--json"], { environment: { ROUSE_HOME: stage.home }, input });
}

const why = "--reason because";
const line = (text: string, before?: AnswerLine["before"]): AnswerLine =>
  before === undefined ? { text } : { text, before };

async function ask(stage: Stage, text: string): Promise<Record<string, never>> {
  return JSON.parse((await stage.rouse([...text.split(" "), "--json"])).out) as Record<string, never>;
}

/** The chart reads what this event does not carry, and throws: the actor is set aside. */
async function poison(stage: Stage): Promise<{ LETTER: string }> {
  const mail = { to: "participant/th-1.eve", from: "test", event: { type: "state.reconciled" } } as const;
  await stage.world.store.transaction((tx) => tx.send([mail]));
  await stage.world.settle();
  return lastLetter(stage);
}

async function lastLetter({ world }: Stage): Promise<{ LETTER: string }> {
  const { rows } = await world.store.listDeadLetters({ limit: 1 });
  return { LETTER: rows[0]?.deadLetterId ?? "" };
}

async function comeToLife({ world }: Stage): Promise<Record<string, string>> {
  const ask = { nodeId: "n", host: "here", ports: ["launchTerminal"], limit: 9, leaseMs: 9_000 };
  const address = { backend: "tmux", server: "/run/tmux.sock", target: "%3", pid: 42, pidStartedAt: "7" };
  for (const { lease } of await world.store.claimEffects(ask))
    await world.store.settleEffect(lease, { status: "done", output: { address, sessionId: null } });
  await world.settle();
  return {};
}

async function opensNotifier({ world }: Stage): Promise<Record<string, string>> {
  await openNotifier(world);
  return {};
}

/** Beside the command, which waits for it: as the node that has the webhook. */
async function takesTrial({ world }: Stage): Promise<Record<string, string>> {
  const ask = { nodeId: "n", host: "here", ports: ["postWebhook"], limit: 9, leaseMs: 9_000 };
  void until("a trial", 30_000, async () => {
    const claimed = await world.store.claimEffects(ask);
    for (const { lease } of claimed)
      await world.store.settleEffect(lease, { status: "done", output: { status: 204 } });
    await world.settle();
    return claimed.length > 0;
  });
  return {};
}

/** As its terminal's watch would report it. */
async function showPrompt({ world }: Stage): Promise<Record<string, string>> {
  const fingerprint = "0123456789abcdef0123456789abcdef";
  const prompt = { fingerprint, text: "Run it?\n  1. Yes", options: [{ option: "1", label: "Yes" }] };
  const event = {
    type: "terminal.observed",
    observation: { activity: "dialog", dialog: "permission", prompt },
  };
  const mail = { to: "runtime/r-2", from: "test", event } as const;
  await world.store.transaction((tx) => tx.send([mail]));
  await world.settle();
  return { FINGERPRINT: fingerprint };
}

async function firstEffect(stage: Stage): Promise<Record<string, string>> {
  const [effect = {}]: Record<string, unknown>[] = (await ask(stage, "effects list"))["effects"] ?? [];
  return { ACTOR: String(effect["address"]), NUMBER: String(effect["incarnation"]) };
}

async function newToken(stage: Stage): Promise<{ JTI: string }> {
  return { JTI: (await ask(stage, "tokens issue --agent bob"))["jti"] ?? "" };
}

/** Not the one before it, which signed the token that the commands show. */
async function signingKey(stage: Stage): Promise<{ KID: string }> {
  const keys: { kid: string; state: string }[] = (await ask(stage, "keys list"))["keys"] ?? [];
  return { KID: keys.find(({ state }) => state === "signing")?.kid ?? "" };
}

async function lastRow(stage: Stage): Promise<{ ROW: string }> {
  const entries: { audit_id: string }[] = (await ask(stage, "audit list"))["entries"] ?? [];
  return { ROW: entries[0]?.audit_id ?? "" };
}

async function seal({ world }: Stage): Promise<Record<string, string>> {
  await world.store.sealAudit({ limit: 9_999 });
  return {};
}

/** In an order in which each is possible, on a stage that begins empty. */
export const answerLines: readonly AnswerLine[] = [
  line("thread create Review -p ann bob --id th-1"),
  line("thread post th-1 Look. --to bob"),
  line("thread list"),
  line("thread show th-1"),
  line("thread read th-1"),
  line("thread ack th-1 1 --token $BOB", async ({ served }) => ({ BOB: await served.token("bob") })),
  line("thread summary th-1"),
  line("status"),
  line("top"),
  line("participant list"),
  line("participant show th-1 bob"),
  line("participant add th-1 eve"),
  line("participant trigger th-1 bob"),
  line(`participant block th-1 ann ${why}`),
  line(`participant unblock th-1 ann ${why}`),
  line(`participant override th-1 bob ${why}`),
  line("explain th-1 bob"),
  line(`agent register bob --definition {"command":["my-agent"],"cwd":"/srv"}`),
  line("agent list"),
  line("agent doctor generic"),
  line("runtime register bob --id r-1"),
  line("runtime list"),
  line("runtime show r-1"),
  line(`participant pause bob ${why}`),
  line(`participant resume bob ${why}`),
  line(`thread pause th-1 ${why}`),
  line(`thread resume th-1 ${why}`),
  line(`runtime pause r-1 ${why}`),
  line(`runtime resume r-1 ${why}`),
  line(`pause ${why}`),
  line(`resume ${why}`),
  line("runtime reconcile r-1"),
  line(`runtime stop r-1 ${why}`),
  line(`agent register eve --definition {"command":["my-agent"],"cwd":"/srv"}`),
  line("runtime register eve --id r-2"),
  line("runtime attach r-2", comeToLife),
  line("prompts", showPrompt),
  line("runtime answer r-2 $FINGERPRINT 1 --wait 0", showPrompt),
  line(`runtime unmanage r-2 ${why}`),
  line(`runtime manage r-2 ${why}`),
  line(`thread block th-1 ${why}`),
  line("escalations"),
  line("notifications list", opensNotifier),
  line("notifications test", takesTrial),
  line("notifications retry"),
  line(`notifications off ${why}`),
  line(`notifications on webhook ${why}`),
  line(`thread unblock th-1 ${why}`),
  line(`thread escalate th-1 ${why}`),
  line(`thread unblock th-1 ${why}`),
  line("thread resolve th-1"),
  line(`thread reopen th-1 ${why}`),
  line("journal"),
  line("events"),
  line("replay thread/th-1"),
  line("wake list"),
  line("effects list"),
  line("effects show $ACTOR $NUMBER", firstEffect),
  line("dead-letters list", poison),
  line("dead-letters show $LETTER", lastLetter),
  line("actors quarantined"),
  line(`actors release participant/th-1.eve ${why}`),
  line(`dead-letters discard $LETTER ${why}`, lastLetter),
  line(`dead-letters requeue $LETTER --release ${why}`, poison),
  line(`thread close th-1 ${why}`),
  line("nodes"),
  line("tokens issue --agent bob"),
  line("tokens list"),
  line(`tokens revoke $JTI ${why}`, newToken),
  line(`tokens revoke --agent bob ${why}`),
  line("keys list"),
  line(`keys rotate ${why}`),
  line(`keys retire $KID ${why}`, signingKey),
  line("audit list"),
  line("audit show $ROW", lastRow),
  line("audit head"),
  line("audit export", seal),
  line("audit verify"),
  line("machine export thread"),
  line("check machines/thread/machine.ts"),
  line("completion bash"),
  line("config"),
  { text: "mcp --agent bob", input: "nonsense\n" },
];

/** Commands that start or need processes; in order. `$FILE` is a new file, `$PID` a session of the database. */
export const processLines = [
  "up --port 0",
  "backup $FILE",
  "database activity",
  `database end $PID ${why}`,
  "down --keep-database",
  "restore $FILE --replace",
] as const;

/** Commands whose answer another test holds against its entry: there it costs a minute less, or touches no real home. */
export const shownElsewhere: Readonly<Record<string, string>> = {
  demo: "test/e2e/story.test.ts",
  "agent connect": "test/api/cli/agent-host.test.ts",
};

/** The command that a line is of: the longest path that it begins with. */
export function commandOf(text: string, paths: readonly string[]): string | null {
  return (
    paths
      .filter((path) => `${text} `.startsWith(`${path} `))
      .toSorted(byLength)
      .at(-1) ?? null
  );
}

/** What is missing: an entry of a command, or a line that shows it. */
export function gapsOf(
  paths: readonly string[],
  { entries, lines }: { entries: readonly string[]; lines: readonly string[] },
): string[] {
  const shown = new Set(lines.map((text) => commandOf(text, paths)));
  return paths.flatMap((path) => [
    ...(entries.includes(path) ? [] : [`${path} has no schema`]),
    ...(shown.has(path) ? [] : [`${path} has no line`]),
  ]);
}

function byLength(one: string, other: string): number {
  return one.length - other.length;
}
