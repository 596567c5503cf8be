import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import listed from "big-list-of-naughty-strings" with { type: "json" };
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wakeLine } from "../../adapters/ports/wake-line.ts";
import { recorderFixture, stageKinds, until } from "../adapters/terminals/stage.ts";
import { screenShows } from "../adapters/terminals/terminal-conformance.ts";
import { runHere, writeNodeFile } from "../api/cli/stage.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { issueAll, openStage, type HostileStage } from "./stage.ts";

/** What the list has none of: it is of 2015. Files named here would show that something was run. */
const ran = join(tmpdir(), `naughty-ran-${process.pid}`);
const own = [
  ...[`$(touch ${ran})`, `\`touch ${ran}\``, `; touch ${ran} #`, `#(touch ${ran})`, `"; touch ${ran}; "`],
  ...[
    "\x1b[201~rm -rf /\r",
    "\x1b]52;c;ZWNobw==\x07",
    "\x1b]0;title\x07",
    "\x1bP+q544e\x1b\\",
    "\x9b2J",
    "\r\nroot# ",
  ],
  ...[
    "safe\u202etxt.exe",
    "\u2066a\u2069",
    "zero\u200bwidth",
    "tag\u{e0041}\u{e007f}",
    "a\u2028b",
    "\ufff9x\ufffb",
  ],
  ...["e\u0301".repeat(50), "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "\u0000nul"],
];
const storable = (text: string): boolean => text !== "" && !text.includes("\0") && text.isWellFormed();
const strings = [...new Set([...listed, ...own])];
const posted = strings.filter(storable);

/** Controls, bidi, invisible and half characters; newline and tab may stay. Listed anew, not taken from the sanitiser. */
const forbiddenRanges: readonly (readonly [number, number])[] = [
  ...([
    [0x00, 0x08],
    [0x0b, 0x1f],
    [0x7f, 0x9f],
    [0xad, 0xad],
    [0x34f, 0x34f],
    [0x61c, 0x61c],
  ] as const),
  ...([
    [0x180b, 0x180f],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x206f],
    [0xfe00, 0xfe0f],
  ] as const),
  ...([
    [0xfeff, 0xfeff],
    [0xfff9, 0xfffb],
    [0xd800, 0xdfff],
    [0xe0000, 0xe0fff],
  ] as const),
];

function forbiddenIn(text: string): string[] {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const found = points.filter((point) => forbiddenRanges.some(([from, to]) => point >= from && point <= to));
  return found.map((point) => point.toString(16));
}

describe("naughty strings", () => {
  let database: TestDatabase;
  let stage: HostileStage;
  let home: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    stage = await openStage(database.url);
    await issueAll(stage.a);
    home = await mkdtemp(join(tmpdir(), "rouse-naughty-"));
    await writeNodeFile(home, { url: stage.url });
    await writeFile(join(home, "operator.token"), await stage.a.token("operator"));
  });
  afterAll(async () => {
    await stage.close();
    await database.drop();
    await rm(home, { recursive: true });
  });

  const rest = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const headers = {
      authorization: `Bearer ${await stage.a.token("operator")}`,
      "content-type": "application/json",
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return JSON.parse((await stage.client.send({ method, path, headers, ...sent })).text) as Record<
      string,
      unknown
    >;
  };
  const rouse = async (...args: string[]): Promise<string> => {
    const outcome = await runHere(args, { environment: { ROUSE_HOME: home } }, () => Date.now());
    expect([args, outcome.err]).toEqual([args, ""]);
    return outcome.out;
  };

  test("are stored and read back as they are, in bodies and titles", { timeout: 60_000 }, async () => {
    await rest("POST", "/v1/threads", { thread_id: "th-n", title: "naughty", participants: ["bob"] });
    const made = await Promise.all(
      posted.map(async (body) => ({
        body,
        seq: (await rest("POST", "/v1/threads/th-n/messages", { body }))["seq"],
      })),
    );
    const read = new Map<unknown, unknown>();
    for (let after = 0, more = true; more;) {
      const page = await rest(
        "GET",
        `/v1/threads/th-n/messages?after_seq=${after}&limit=100&max_bytes=262144`,
      );
      for (const { seq, body } of page["messages"] as { seq: number; body: string }[]) read.set(seq, body);
      after = page["next_after_seq"] as number;
      more = page["has_more"] as boolean;
    }
    expect(made.filter(({ seq, body }) => read.get(seq) !== body)).toEqual([]);
    const titles = posted.filter(({ length }) => length <= 200).slice(-120);
    const threads = await Promise.all(titles.map((title) => rest("POST", "/v1/threads", { title })));
    expect(threads.map(({ thread }) => (thread as { title: string }).title)).toEqual(titles);
    for (const body of strings.filter((text) => !storable(text) && text !== "")) {
      expect(await rest("POST", "/v1/threads/th-n/messages", { body })).toMatchObject({
        code: "invalid_input",
      });
    }
  });

  test(
    "act on no reader's terminal: the command line shows the allowed alphabet only",
    { timeout: 60_000 },
    async () => {
      for (const body of own.filter(storable)) {
        await rest("POST", "/v1/threads/th-n/messages", { body, kind: "decision" });
      }
      const shown = [
        await rouse("thread", "summary", "th-n"),
        await rouse("thread", "show", "th-n"),
        await rouse("thread", "list"),
      ];
      for (let after: string | undefined = "0"; after !== undefined;) {
        const page: string = await rouse("thread", "read", "th-n", "--after", after);
        shown.push(page);
        after = /^More: rouse thread read th-n --after (\d+)$/m.exec(page)?.[1];
      }
      for (const text of shown) expect(forbiddenIn(text)).toEqual([]);
      expect(shown.join("")).toContain("<script>alert(");
      const summary = await rest("GET", "/v1/threads/th-n/summary");
      expect(JSON.stringify(summary).isWellFormed()).toBe(true);
    },
  );

  test("say nothing in the line that a wake types, whatever its parts are", () => {
    for (const text of strings) {
      const line = wakeLine({ wakeId: text, threadId: text, unread: 1 });
      expect([...forbiddenIn(line), line.includes("\n")]).toEqual([false]);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(200);
    }
  });

  test(
    "pasted into a real terminal, leave only the allowed alphabet to its program, and run nothing",
    { timeout: 60_000 },
    async () => {
      const kind = stageKinds.find(({ name }) => name === "pty");
      if (kind === undefined) throw new Error("there is no pty");
      const terminals = kind.open();
      const file = join(terminals.folder, "typed");
      try {
        const argv = [process.execPath, "--no-warnings", recorderFixture, file, "framed"] as const;
        const address = await terminals.launch("naughty", { argv });
        await screenShows(terminals.terminal, address, "recording");
        const text = [...strings, "the end"].join(" ");
        for (let at = 0; at < text.length; at += 4_000)
          await terminals.terminal.paste(address, text.slice(at, at + 4_000));
        await until(
          () => existsSync(file) && readFileSync(file, "utf8").includes("the end"),
          "all of it was typed",
        );
        const framed = readFileSync(file, "utf8");
        const typed = framed.replaceAll("\x1b[200~", "").replaceAll("\x1b[201~", "").replaceAll("\r", "\n");
        expect(framed.split("\x1b[200~")).toHaveLength(Math.ceil(text.length / 4_000) + 1);
        expect(forbiddenIn(typed)).toEqual([]);
        expect(existsSync(ran)).toBe(false);
      } finally {
        await terminals.end();
      }
    },
  );
});
