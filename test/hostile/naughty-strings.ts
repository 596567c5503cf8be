import { tmpdir } from "node:os";
import { join } from "node:path";
import listed from "big-list-of-naughty-strings" with { type: "json" };

/** A file that is there once a string of ours was run by a shell. */
export const ran = join(tmpdir(), `naughty-ran-${process.pid}`);

/** What the list has none of: it is of 2015. */
export const own = [
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

export const strings = [...new Set([...listed, ...own])];
export const storable = (text: string): boolean => text !== "" && !text.includes("\0") && text.isWellFormed();

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

const isForbidden = (character: string): boolean => {
  const point = character.codePointAt(0) ?? 0;
  return forbiddenRanges.some(([from, to]) => point >= from && point <= to);
};

export function forbiddenIn(text: string): string[] {
  const found = Array.from(text).filter(isForbidden);
  return found.map((character) => (character.codePointAt(0) ?? 0).toString(16));
}

/** What a terminal may show of a text. Hangul fillers and their like are invisible, too: whether they stay is open. */
function showable(text: string): string {
  const characters = Array.from(text.replaceAll(/\r\n?/g, "\n")).filter((each) => !isForbidden(each));
  return characters.join("").replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "");
}

/** Texts that came back otherwise than they were stored. */
export function wrongIn(stored: readonly (readonly [sent: string, read: unknown])[]): string[] {
  return stored.flatMap(([sent, read]) =>
    read === sent ? [] : [`${JSON.stringify(sent)} was read otherwise`],
  );
}

/** What is wrong with the bytes that a program got of a text that was pasted into its terminal. */
export function wrongInPane(framed: string, pasted: string): string[] {
  const typed = framed.replaceAll("\x1b[200~", "").replaceAll("\x1b[201~", "").replaceAll("\r", "\n");
  const forbidden = forbiddenIn(typed);
  return [
    ...(forbidden.length === 0 ? [] : [`the program got ${forbidden.join(" ")}`]),
    ...(showable(typed) === showable(pasted) ? [] : ["the program got another text than was pasted"]),
  ];
}

/** What is wrong with what the command line showed of these texts. */
export function wrongOnScreen(shown: readonly string[], bodies: readonly string[]): string[] {
  const forbidden = shown.flatMap(forbiddenIn);
  const flat = lined(shown.join("\n"));
  const missing = bodies.filter((body) => !flat.includes(lined(showable(body))));
  return [
    ...(forbidden.length === 0 ? [] : [`the screen got ${forbidden.join(" ")}`]),
    ...missing.map((body) => `${JSON.stringify(body)} is not shown as it is`),
  ];
}

/** Bodies are set in: lines are held against each other without what stands before and behind them. */
function lined(text: string): string {
  return showable(text)
    .split("\n")
    .map((line) => line.trim())
    .join("\n");
}
