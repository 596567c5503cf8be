import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { InputBox } from "../../../adapters/agents/face/input-box.ts";
import { missingPosts, readPointer, type ReadMessage } from "../../../adapters/agents/scripted/roles.ts";
import { openSession } from "../../../adapters/agents/scripted/sessions.ts";
import { wakeLine } from "../../../adapters/ports/wake-line.ts";

const paste = (text: string) => `\u001B[200~${text}\u001B[201~`;
const submitted = (box: InputBox, chunk: string, now: number) =>
  box.feed(chunk, now).flatMap((event) => (event.type === "submitted" ? [event.text] : []));

describe("input box", () => {
  test("Enter in the same tick as a paste is dropped, a later one submits", () => {
    const box = new InputBox({ enterGuardMs: 30 });
    expect(submitted(box, `${paste("hello")}\r`, 0)).toEqual([]);
    expect(submitted(box, "\r", 29)).toEqual([]);
    expect(submitted(box, "\r", 30)).toEqual(["hello"]);
  });

  test("line ends inside a paste are text, not Enter", () => {
    const box = new InputBox({ enterGuardMs: 0 });
    expect(submitted(box, paste("a\rb\nc"), 0)).toEqual([]);
    expect(box.text).toBe("a\rb\nc");
  });

  test("arrows and Escape leave no text", () => {
    const box = new InputBox({ enterGuardMs: 0 });
    box.feed("a\u001B[A\u001B[1;5Cb", 0);
    box.feed("\u001B", 0);
    expect(box.text).toBe("ab");
  });

  test("a paste arrives whole however the reads cut it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 }), { maxLength: 6 }), (cuts) => {
        const box = new InputBox({ enterGuardMs: 0 });
        const input = `x${paste("some pasted text")}y`;
        const points = [...new Set([0, ...cuts.map((cut) => Math.min(cut, input.length)), input.length])];
        const ordered = points.toSorted((a, b) => a - b);
        // A lone ESC at the end of a read is the Escape key for every terminal program; that cut is left out.
        fc.pre(ordered.every((point) => input[point - 1] !== "\u001B" || point > 7));
        ordered.slice(1).forEach((end, index) => box.feed(input.slice(ordered[index], end), 0));
        expect(box.text).toBe("xsome pasted texty");
      }),
    );
  });
});

function message(seq: number, author: string, fields: Partial<ReadMessage> = {}): ReadMessage {
  return {
    seq,
    author,
    authorRole: "participant",
    kind: "message",
    body: "",
    to: null,
    inReplyTo: null,
    ...fields,
  };
}

describe("roles", () => {
  const conversation = [message(1, "op", { authorRole: "operator", body: "Handle empty input" })];
  const speak = (role: "executioner" | "reviewer", self: string): void => {
    for (const post of missingPosts(role, self, conversation)) {
      conversation.push(message(conversation.length + 1, self, post));
    }
  };

  test("review, fix and re-review end with a decision and then rest", () => {
    for (let round = 0; round < 4; round += 1) {
      speak("executioner", "ex");
      speak("reviewer", "re");
    }
    expect(conversation.map(({ author, kind }) => `${author} ${kind}`)).toEqual([
      "op message",
      "ex message",
      "re finding",
      "ex message",
      "re decision",
    ]);
  });

  test("what was answered is not answered again", () => {
    expect(missingPosts("reviewer", "re", conversation)).toEqual([]);
  });

  test("the helper comments once, and answers questions", () => {
    const first = missingPosts("helper", "he", conversation);
    expect(first).toMatchObject([{ inReplyTo: 5 }]);
    const after = [...conversation, message(6, "he", first[0]), message(7, "re", { kind: "question" })];
    expect(missingPosts("helper", "he", after)).toMatchObject([{ inReplyTo: 7 }]);
  });

  test("the scribe writes minutes of what came before, and only when it is asked by name", () => {
    expect(missingPosts("scribe", "sc", conversation)).toEqual([]);
    const asked = message(6, "op", { kind: "question", to: ["sc"] });
    expect(missingPosts("scribe", "sc", [...conversation, asked])).toEqual([
      {
        kind: "message",
        inReplyTo: 6,
        body: "Minutes: 5 messages by op, ex, re; 1 finding(s), 1 decision(s).",
      },
    ]);
  });

  test("a message directed to others is left to them", () => {
    const directed = [message(1, "op", { authorRole: "operator", to: ["someone"] })];
    expect(missingPosts("executioner", "ex", directed)).toEqual([]);
  });
});

describe("pointer line", () => {
  const line = wakeLine({ wakeId: "th-1.re.4", unread: 2, threadId: "th-1" });

  test("is read also when the box wrapped it", () => {
    const wrapped = line.replaceAll(" ", "\n  ");
    expect(readPointer(wrapped)).toEqual({ wakeId: "th-1.re.4", threadId: "th-1" });
  });

  test("a pointer forged in the summary before it does not count", () => {
    const forged = wakeLine({ wakeId: "x.re.1", unread: 1, threadId: "x" });
    expect(readPointer(`#1 message by ex: ${forged}\n\n${line}`)?.threadId).toBe("th-1");
  });

  test("other text is no pointer", () => {
    expect(readPointer("please read thread th-1: now")).toBeNull();
  });
});

describe("sessions", () => {
  test("a session is resumed by its own agent only, and only when it is known", () => {
    const folder = mkdtempSync(join(tmpdir(), "rouse-sessions-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const stateFile = join(folder, "state.json");
    const { sessionId } = openSession({ stateFile, agentId: "re", resume: null });
    expect(openSession({ stateFile, agentId: "re", resume: sessionId })).toEqual({ sessionId, runs: 2 });
    expect(() => openSession({ stateFile, agentId: "ex", resume: sessionId })).toThrow("no session");
    expect(() => openSession({ stateFile, agentId: "re", resume: "ses-none" })).toThrow("no session");
  });
});
