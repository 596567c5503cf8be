import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codexEdits } from "../../../adapters/agents/codex/connect.ts";
import { withEntryIn, withoutEntryIn, type FileState } from "../../../adapters/agents/settings/change.ts";
import { standing, type Entry, type SettingsFormat } from "../../../adapters/agents/settings/entry.ts";
import { json } from "../../../adapters/agents/settings/json-format.ts";
import { toml } from "../../../adapters/agents/settings/toml-format.ts";

const host = { environment: {}, home: "/home/ann" };
const serverOf = (agent: string) => ({ command: "rouse", args: ["mcp", "--agent", agent], env: {} });
const codexEntry = (agent = "codex-1"): Entry => codexEdits(host, serverOf(agent))[0]!.entry;
const server: Entry = { into: ["mcpServers"], name: "rouse", value: { type: "stdio", ...serverOf("c-1") } };
const permission: Entry = { into: ["permissions", "allow"], name: null, value: "mcp__rouse" };

const file = (format: SettingsFormat, text: string | null): FileState => ({
  path: "/home/ann/settings",
  format,
  text,
  own: null,
});

/** As a second command finds it, after `edit` of the person's. */
function connected(format: SettingsFormat, text: string | null, entry: Entry): FileState {
  return { ...file(format, text), ...withEntryIn(file(format, text), entry) };
}

function edited(state: FileState, edit: (text: string) => string): FileState {
  const text = edit(state.text ?? "");
  expect(text).not.toBe(state.text);
  return { ...state, text };
}

const jsonTexts = [
  "",
  " \n",
  "{}",
  "{ }\n",
  "{\n}\n",
  '{"a":1}',
  '{ "a": 1, "mcpServers": {} }',
  '\uFEFF{\n  "a": [1, 2]\n}\n',
  '{\r\n\t"a": 1,\r\n\t"mcpServers": {\r\n\t\t"x": {"url": "u"}\r\n\t}\r\n}\r\n',
  '{\n    "big": 12345678901234567890,   "odd": 1e400,\n    "mcpServers": {\n        "x": {}\n    },\n    "last": "\\"}{[,:"\n}',
  '{"permissions": {"deny": ["x"]}, "mcpServers": {"x": {"command": "rouse"}}}',
  '{\n  "permissions": {\n    "allow": [\n      "Bash(ls:*)"\n    ]\n  }\n}\n',
  '{"permissions": {"allow": []}}',
  '{"mcpServers": {"a": 1}, "mcpServers": {"b": 2}}',
  '{"__proto__": {"x": 1}, "constructor": null}',
];

const tomlTexts = [
  "",
  "\n\n",
  'model = "x" # mine',
  'model = "x"\r\n\r\n[features]\r\ndaemon = false\r\n',
  '# all mine\n\n[mcp_servers.other]\ncommand = "true"\n\n[projects."/srv/a [b]"]\ntrust_level = "trusted"\n# the end\n',
  '[mcp_servers]\n[mcp_servers."rouse.x"]\ncommand = "y"\n',
  'text = """\n[mcp_servers.rouse]\n# By `rouse agent connect`\n"""\nwhen = 1979-05-27T07:32:00Z\n',
  'mcp_servers.other.command = "true"\n',
];

describe("an entry in a person's settings", () => {
  test.each([
    ...jsonTexts.flatMap((text) => [server, permission].map((entry) => ({ format: json, text, entry }))),
    ...tomlTexts.map((text) => ({ format: toml, text, entry: codexEntry() })),
  ])("$text gets $entry.into, and without it is the same to the byte", ({ format, text, entry }) => {
    const state = connected(format, text, entry);
    expect(standing(format.parse(state.text ?? ""), entry)).toMatchObject(entry.value as object);
    expect(withoutEntryIn(state)).toEqual({ text, own: null });
  });

  test("leaves every JSON object as it was, however it is laid out", () => {
    const layout = fc.constantFrom(undefined, 1, 2, 4, "\t");
    const members = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });
    const document = fc.record({ mcpServers: members, permissions: members }, { requiredKeys: [] });
    const objects = fc.tuple(members, document).map(([one, other]) => ({ ...one, ...other }));
    fc.assert(
      fc.property(objects, layout, fc.constantFrom("\n", "\r\n"), (object, unit, eol) => {
        const text = JSON.stringify(object, null, unit).replaceAll("\n", eol);
        const state = connected(json, text, server);
        const before = JSON.parse(text) as { mcpServers?: object };
        const mcpServers = { ...before.mcpServers, rouse: server.value };
        expect(json.parse(state.text ?? "")).toEqual({ ...before, mcpServers });
        expect(withoutEntryIn(state).text).toBe(text);
        // And when another program has laid it out anew.
        const anew = edited(state, (found) => `\n${JSON.stringify(JSON.parse(found), null, 3)}`);
        expect(json.parse(withoutEntryIn(anew).text ?? "")).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each([
    { format: json, entry: server },
    { format: json, entry: permission },
    { format: toml, entry: codexEntry() },
  ])("is put in once, and makes the file where there is none: $entry.into", ({ format, entry }) => {
    const state = connected(format, null, entry);
    expect(withEntryIn(state, entry)).toEqual({ text: state.text, own: state.own });
    expect(withoutEntryIn(state)).toEqual({ text: null, own: null });
  });

  test("that another agent takes over is replaced, and goes without a trace", () => {
    const first = connected(toml, "a = 1\n", codexEntry("codex-1"));
    const second = { ...first, ...withEntryIn(first, codexEntry("codex-2")) };
    expect(second.text).not.toContain("codex-1");
    expect(second.text?.match(/rouse\]/g)).toHaveLength(1);
    expect(withoutEntryIn(second).text).toBe("a = 1\n");
  });

  test("that the person already has counts as there, and is not ours to take out", () => {
    const text = '{"permissions": {"allow": ["mcp__rouse"]}}';
    expect(withEntryIn(file(json, text), permission)).toEqual({ text, own: null });
  });

  test("that the person took out is forgotten", () => {
    const state = { ...connected(json, "{}", server), text: '{"b": 1}' };
    expect(withoutEntryIn(state)).toEqual({ text: '{"b": 1}', own: null });
  });
});

describe("what was edited meanwhile", () => {
  test("stays in JSON: another server, another setting, a file that was ours", () => {
    const state = connected(json, null, server);
    const later = edited(state, (text) =>
      text.replace(/\n {2}\}\n\}\n$/, ',\n    "other": {"url": "u"}\n  },\n  "theme": "dark"\n}\n'),
    );
    expect(withoutEntryIn(later).text).toBe(
      '{\n  "mcpServers": {\n    "other": {"url": "u"}\n  },\n  "theme": "dark"\n}\n',
    );
  });

  test("stays in TOML as Codex writes it anew: our comment gone, numbers rewritten, tables around and below ours", () => {
    const state = connected(toml, '# mine\nmodel = "x"\n\n[mcp_servers.a]\ncommand = "a"\n', codexEntry());
    const later = edited(
      state,
      (text) =>
        `${text.replace(/# By .*\n/, "").replace("= 120", "= 120.0")}
[mcp_servers.rouse.tools.post_message]
approval_mode = "approve"

# theirs
[projects."/srv"]
trust_level = "trusted"
`,
    );
    expect(withoutEntryIn(later).text).toBe(
      '# mine\nmodel = "x"\n\n[mcp_servers.a]\ncommand = "a"\n\n\n# theirs\n[projects."/srv"]\ntrust_level = "trusted"\n',
    );
  });

  test("is not guessed at: an entry that was changed stays, and is named", () => {
    const state = edited(connected(json, "{}", server), (text) => text.replace("c-1", "c-2"));
    const refusal = expect.objectContaining({
      code: "already_exists",
      details: expect.anything() as unknown,
    });
    expect(() => withoutEntryIn(state)).toThrow(refusal);
    expect(() => withEntryIn(state, server)).toThrow(refusal);
    expect(() => withEntryIn(state, server)).toThrow("mcpServers.rouse");
  });

  test("is not guessed at: an entry in a form that lines do not tell", () => {
    const state = connected(toml, "", codexEntry());
    const { value } = codexEntry();
    const { command, args } = value as { command: string; args: string[] };
    const inline = `mcp_servers = { rouse = { command = "${command}", args = ${JSON.stringify(args)} } }\n`;
    const own = { ...state.own!, entry: { ...state.own!.entry, value: { command, args } } };
    expect(() => withoutEntryIn({ ...state, own, text: inline })).toThrow("cannot be taken out");
  });
});

describe("settings that cannot be added to", () => {
  test.each([
    { format: json, text: '{"key": "sk-secret" "x": 1}', entry: server, code: "invalid_input" },
    { format: json, text: "[]", entry: server, code: "invalid_input" },
    { format: json, text: '{"a": 1, // mine\n}', entry: server, code: "invalid_input" },
    { format: json, text: '{"mcpServers": []}', entry: server, code: "invalid_input" },
    { format: json, text: '{"permissions": {"allow": {}}}', entry: permission, code: "invalid_input" },
    { format: json, text: '{"mcpServers": {"rouse": {"url": "u"}}}', entry: server, code: "already_exists" },
    { format: toml, text: "key = sk-secret", entry: codexEntry(), code: "invalid_input" },
    { format: toml, text: "mcp_servers = {}", entry: codexEntry(), code: "invalid_input" },
    {
      format: toml,
      text: '[mcp_servers.rouse]\nurl = "u"\n',
      entry: codexEntry(),
      code: "already_exists",
    },
  ])("are refused with $code: $text", ({ format, text, entry, code }) => {
    const attempt = () => withEntryIn(file(format, text), entry);
    expect(attempt).toThrow(expect.objectContaining({ code, nextStep: expect.any(String) as string }));
    expect(attempt).not.toThrow(/sk-secret/);
  });
});
