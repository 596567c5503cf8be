/**
 * An agent program that notes when its terminal hears something: the outside view of a wake. Writes one JSON line
 * `{firstByteAt, submittedAt}` (epoch ms, fractions included) a wake to the file BENCH_LOG, then reads and acknowledges.
 */
import { appendFileSync } from "node:fs";
import { InputBox } from "../../adapters/agents/face/input-box.ts";
import { readPointer } from "../../adapters/agents/scripted/roles.ts";
import { Screen } from "../../adapters/agents/scripted/screen.ts";
import { ThreadTools } from "../../adapters/agents/scripted/thread-tools.ts";

const { BENCH_LOG: log = "", ROUSE_URL: url = "", ROUSE_TOKEN: token = "" } = process.env;
const screen = new Screen(process.stdout);
const box = new InputBox({ enterGuardMs: 30 });
const now = (): number => performance.timeOrigin + performance.now();
let firstByteAt: number | null = null;

process.stdin.setRawMode(true).setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  firstByteAt ??= now();
  for (const event of box.feed(String(chunk), performance.now())) {
    screen.show({ draft: box.text });
    if (event.type === "submitted") void takeTurn(event.text, { firstByteAt, submittedAt: now() });
  }
});
screen.open();

async function takeTurn(text: string, times: { firstByteAt: number; submittedAt: number }): Promise<void> {
  firstByteAt = null;
  appendFileSync(log, `${JSON.stringify(times)}\n`);
  const pointer = readPointer(text);
  if (pointer === null) return;
  screen.show({ isBusy: true });
  await using tools = await ThreadTools.connect(url, token);
  const messages = await tools.readAll(pointer.threadId);
  await tools.ack(pointer.threadId, messages.at(-1)?.seq ?? 0);
  screen.show({ isBusy: false });
}
