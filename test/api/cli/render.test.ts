import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withoutSecrets } from "../../../api/cli/commands/config.ts";
import { paperOf, type Paper } from "../../../api/cli/render/paper.ts";
import { printable, printableLine } from "../../../runtime/printable.ts";
import { table } from "../../../api/cli/render/table.ts";
import { clockText, durationText, parseDuration, relativeText } from "../../../api/cli/render/time.ts";
import { clip, widthOf } from "../../../api/cli/render/width.ts";
import { processSurroundings } from "../../../api/cli/surroundings.ts";

const paper: Paper = { now: 0, hasColor: false, columns: 0 };
const columns = [
  { title: "NAME", of: (row: { name: string; count: number | null }) => row.name },
  { title: "COUNT", of: (row: { count: number | null }) => row.count, align: "right" as const },
];

describe("a table", () => {
  test("aligns its columns, numbers to the right, and shows what is missing as a dash", () => {
    const rows = [
      { name: "a", count: 12 },
      { name: "longer", count: null },
    ];
    expect(table(paper, rows, columns, "none")).toBe(
      ["NAME    COUNT", "a          12", "longer      -", ""].join("\n"),
    );
  });

  test("says so when there is nothing", () => {
    expect(table(paper, [], columns, "No rows.")).toBe("No rows.\n");
  });

  test("counts wide characters as two columns", () => {
    const lines = table(
      paper,
      [
        { name: "漢字", count: 1 },
        { name: "abcd", count: 1 },
      ],
      columns,
      "",
    ).split("\n");
    expect(lines.slice(1, 3)).toEqual(["漢字      1", "abcd      1"]);
  });

  test("fits the terminal by cutting its widest column", () => {
    const narrow = table({ ...paper, columns: 20 }, [{ name: "x".repeat(60), count: 1 }], columns, "");
    for (const line of narrow.split("\n")) expect(widthOf(line)).toBeLessThanOrEqual(20);
    expect(narrow).toContain("…");
  });

  test("keeps every row on one line, whatever the cells hold", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 60 }), { minLength: 1, maxLength: 4 }),
        (names) => {
          const rows = names.map((name) => ({ name, count: 1 }));
          expect(table(paper, rows, columns, "").trimEnd().split("\n")).toHaveLength(rows.length + 1);
        },
      ),
    );
  });

  test("is painted only for people who want colors", () => {
    const person = { ...processSurroundings(), isTerminal: true };
    const hasColor = (environment: NodeJS.ProcessEnv, isTerminal = true) =>
      paperOf({ ...person, environment, isTerminal }).hasColor;
    expect([
      hasColor({}),
      hasColor({ NO_COLOR: "1" }),
      hasColor({ TERM: "dumb" }),
      hasColor({}, false),
    ]).toEqual([true, false, false, false]);
    const painted = table({ ...paper, hasColor: true }, [{ name: "a", count: 1 }], columns, "");
    expect(painted).toContain("\x1b[1mNAME");
  });
});

describe("text of strangers", () => {
  test("loses what acts on a terminal, reorders or hides", () => {
    expect(printable("a\x1b[2J\x07b\u202Ec\u200Bd\x9B1m\r\ne\tf")).toBe("a[2Jbcd1m\ne\tf");
    expect(printableLine(" one\n\ttwo ")).toBe("one two");
  });

  test("never keeps a control character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/(?![\n\t])\p{Cc}|\p{Cs}|\p{Bidi_Control}/u);
      }),
    );
  });

  test("is cut to the columns it may take", () => {
    expect(clip("abcdef", 4)).toBe("abc…");
    expect(clip("漢字漢字", 4)).toBe("漢…");
    expect(clip("abc", 3)).toBe("abc");
  });
});

describe("times", () => {
  test("durations show their two largest units", () => {
    const shown = [0, 350, 1_000, 65_000, 3_600_000, 90_061_000, -5].map(durationText);
    expect(shown).toEqual(["0ms", "350ms", "1s", "1m 5s", "1h", "1d 1h", "0ms"]);
  });

  test("are told from now, both ways", () => {
    const at = (ms: number) => new Date(ms).toISOString();
    const shown = [at(0), at(99_500), at(160_000)].map((iso) => relativeText(iso, 100_000));
    expect(shown).toEqual(["1m 40s ago", "now", "in 1m"]);
    expect([relativeText(null, 0), relativeText("no time", 0)]).toEqual(["-", "no time"]);
  });

  test("of another day carry the date", () => {
    const now = Date.parse("2026-03-02T10:00:00Z");
    expect(clockText("2026-03-02T09:08:07.654Z", now)).toBe("09:08:07.654");
    expect(clockText("2026-03-01T09:08:07.654Z", now)).toBe("2026-03-01 09:08:07.654");
  });

  test("are read from what people write", () => {
    const read = ["90", "90s", "15m", "1.5h", "2d", "250ms"].map(parseDuration);
    expect(read).toEqual([90_000, 90_000, 900_000, 5_400_000, 172_800_000, 250]);
    expect(["", "h", "-1s", "1w", "1 h", "1e3"].map(parseDuration)).toEqual(
      Array.from({ length: 6 }, () => null),
    );
  });
});

test("rouse config hides passwords in the database's addresses", () => {
  const shown = withoutSecrets({
    databaseUrl: "postgres://ann:hunter2@db/rouse?sslpassword=hunter3&x=1",
    databaseDirectUrl: "postgres://bob:hunter@4@one:5432,two:5432/rouse?target_session_attrs=read-write",
  });
  expect(JSON.stringify(shown)).not.toMatch(/hunter/);
  expect(shown.databaseUrl).toMatch(/ann:.*@db\/rouse\?sslpassword=.*&x=1$/u);
  expect(shown.databaseDirectUrl).toMatch(
    /bob:.*@one:5432,two:5432\/rouse\?target_session_attrs=read-write$/u,
  );
});
