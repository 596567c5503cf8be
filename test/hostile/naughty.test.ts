import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wakeLine } from "../../adapters/ports/wake-line.ts";
import { recorderFixture, stageKinds, until } from "../adapters/terminals/stage.ts";
import { screenShows } from "../adapters/terminals/terminal-conformance.ts";
import { runHere, writeNodeFile } from "../api/cli/stage.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import {
  forbiddenIn,
  own,
  ran,
  storable,
  strings,
  wrongIn,
  wrongInPane,
  wrongOnScreen,
} from "./naughty-strings.ts";
import { mangledPost, mangledRead, plant } from "./planted.ts";
import { issueAll, openStage, type HostileStage } from "./stage.ts";

const posted = strings.filter(storable);

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

  /** Posts each, reads all pages, and says what came back otherwise. */
  async function wrongAfterReading(threadId: string, bodies: readonly string[]): Promise<string[]> {
    await rest("POST", "/v1/threads", { thread_id: threadId, title: "naughty", participants: ["bob"] });
    const path = `/v1/threads/${threadId}/messages`;
    const made = await Promise.all(
      bodies.map(async (body) => ({ body, seq: (await rest("POST", path, { body }))["seq"] })),
    );
    const read = new Map<unknown, unknown>();
    for (let after = 0, more = true; more;) {
      const page = await rest("GET", `${path}?after_seq=${after}&limit=100&max_bytes=262144`);
      for (const { seq, body } of page["messages"] as { seq: number; body: string }[]) read.set(seq, body);
      after = page["next_after_seq"] as number;
      more = page["has_more"] as boolean;
    }
    return wrongIn(made.map(({ body, seq }) => [body, read.get(seq)] as const));
  }

  test("are stored and read back as they are, in bodies and titles", { timeout: 60_000 }, async () => {
    expect(await wrongAfterReading("th-n", posted)).toEqual([]);
    const titles = posted.filter(({ length }) => length <= 200).slice(-120);
    const threads = await Promise.all(titles.map((title) => rest("POST", "/v1/threads", { title })));
    expect(threads.map(({ thread }) => (thread as { title: string }).title)).toEqual(titles);
    for (const body of strings.filter((text) => !storable(text) && text !== "")) {
      expect(await rest("POST", "/v1/threads/th-n/messages", { body })).toMatchObject({
        code: "invalid_input",
      });
    }
  });

  test.each([
    ["when it is posted", "post_message", mangledPost, "th-m1"],
    ["when it is read", "read_messages", mangledRead, "th-m2"],
  ] as const)("a string that is mangled %s is found", async (_when, operation, changes, threadId) => {
    const remove = plant({ operation, changes });
    try {
      expect(await wrongAfterReading(threadId, ["e\u0301", "plain"])).toEqual([
        '"e\u0301" was read otherwise',
      ]);
    } finally {
      remove();
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
      expect(wrongOnScreen(shown, posted)).toEqual([]);
      // Planted: a command line that shows bodies raw, and one that loses what is not ASCII.
      const { messages } = await rest("GET", "/v1/threads/th-n/messages?after_seq=0&max_bytes=262144");
      const raw = (messages as { body: string }[]).map(({ body }) => body);
      expect(wrongOnScreen([...shown, ...raw, ...own.filter(storable)], posted)).toEqual([
        expect.stringMatching(/^the screen got .*\b1b\b/) as string,
      ]);
      const lossy = shown.map((text) => text.replaceAll(/[^\p{ASCII}]/gu, "?"));
      expect(wrongOnScreen(lossy, ["plain", ...posted])).toContain(
        '"田中さんにあげて下さい" is not shown as it is',
      );
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

  /** Pastes all of it into a real terminal, and says what is wrong with what its program got. */
  async function wrongAfterPasting(text: string, bent: (part: string) => string): Promise<string[]> {
    const kind = stageKinds.find(({ name }) => name === "pty");
    if (kind === undefined) throw new Error("there is no pty");
    const terminals = kind.open();
    const file = join(terminals.folder, "typed");
    try {
      const argv = [process.execPath, "--no-warnings", recorderFixture, file, "framed"] as const;
      const address = await terminals.launch("naughty", { argv });
      await screenShows(terminals.terminal, address, "recording");
      const parts = partsOf(text, 4_000);
      for (const part of parts) await terminals.terminal.paste(address, bent(part));
      const framesOf = (bytes: string): number => bytes.split("\x1b[201~").length - 1;
      await until(
        () => existsSync(file) && framesOf(readFileSync(file, "utf8")) === parts.length,
        "all of it was typed",
      );
      const framed = readFileSync(file, "utf8");
      expect(framed.split("\x1b[200~")).toHaveLength(parts.length + 1);
      return wrongInPane(framed, text);
    } finally {
      await terminals.end();
    }
  }

  test(
    "pasted into a real terminal, arrive whole in the allowed alphabet only, and run nothing",
    { timeout: 60_000 },
    async () => {
      expect(await wrongAfterPasting([...strings, "the end"].join(" "), (part) => part)).toEqual([]);
      expect(existsSync(ran)).toBe(false);
    },
  );

  test("a string that is mangled on its way into the terminal is found", { timeout: 60_000 }, async () => {
    const mangling = (part: string) => part.replace("é", "e");
    expect(await wrongAfterPasting("caf\u00e9 au lait", mangling)).toEqual([
      "the program got another text than was pasted",
    ]);
    expect(wrongInPane("\x1b[200~a\x1b[31mb\x1b[201~", "ab")).toContainEqual(
      expect.stringContaining("the program got 1b") as string,
    );
  });
});

/** Parts of so many characters; no code point is cut in two. */
function partsOf(text: string, length: number): string[] {
  const characters = Array.from(text);
  const count = Math.ceil(characters.length / length);
  return Array.from({ length: count }, (_, at) => characters.slice(at * length, (at + 1) * length).join(""));
}
