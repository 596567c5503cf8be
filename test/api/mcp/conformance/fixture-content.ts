/** What the suite's scenarios expect a server to have, in no era's types. Names and texts are the suite's. */

/** One red pixel. */
export const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/** A header and no sound. */
export const wav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

type Content =
  | { type: "text"; text: string }
  | { type: "image" | "audio"; data: string; mimeType: string }
  | { type: "resource"; resource: { uri: string; mimeType: string; text: string } };

const say = (text: string): Content => ({ type: "text", text });
const embed = (uri: string, mimeType: string, text: string): Content => ({
  type: "resource",
  resource: { uri, mimeType, text },
});

/** Tools that always answer the same. */
export const plainTools: Record<string, Content[]> = {
  test_simple_text: [say("This is a simple text response for testing.")],
  test_image_content: [{ type: "image", data: png, mimeType: "image/png" }],
  test_audio_content: [{ type: "audio", data: wav, mimeType: "audio/wav" }],
  test_embedded_resource: [embed("test://embedded-resource", "text/plain", "An embedded resource.")],
  test_multiple_content_types: [
    say("Multiple content types test:"),
    { type: "image", data: png, mimeType: "image/png" },
    embed("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
  ],
};

export const resources = [
  {
    name: "static-text",
    uri: "test://static-text",
    content: { mimeType: "text/plain", text: "Static text." },
  },
  { name: "static-binary", uri: "test://static-binary", content: { mimeType: "image/png", blob: png } },
  { name: "watched", uri: "test://watched-resource", content: { mimeType: "text/plain", text: "Watched." } },
];

export const template = {
  name: "template",
  uriTemplate: "test://template/{id}/data",
  content: (uri: string, id: string) => ({
    uri,
    mimeType: "application/json",
    text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
  }),
};

interface Prompt {
  name: string;
  arguments: string[];
  messages: (args: Record<string, string>) => { role: "user"; content: Content }[];
}

export const prompts: Prompt[] = [
  {
    name: "test_simple_prompt",
    arguments: [],
    messages: () => [{ role: "user", content: say("This is a simple prompt for testing.") }],
  },
  {
    name: "test_prompt_with_arguments",
    arguments: ["arg1", "arg2"],
    messages: ({ arg1, arg2 }) => [
      { role: "user", content: say(`Prompt with arguments: arg1='${arg1 ?? ""}', arg2='${arg2 ?? ""}'`) },
    ],
  },
  {
    name: "test_prompt_with_embedded_resource",
    arguments: ["resourceUri"],
    messages: ({ resourceUri = "" }) => [
      { role: "user", content: embed(resourceUri, "text/plain", "Embedded for testing.") },
      { role: "user", content: say("Please process the embedded resource above.") },
    ],
  },
  {
    name: "test_prompt_with_image",
    arguments: [],
    messages: () => [
      { role: "user", content: { type: "image", data: png, mimeType: "image/png" } },
      { role: "user", content: say("Please analyze the image above.") },
    ],
  },
];

/** A schema whose every keyword has to arrive as it was written. */
export const wordySchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
} as const;

const choices = (noun: string) => [
  { const: "value1", title: `First ${noun}` },
  { const: "value2", title: `Second ${noun}` },
  { const: "value3", title: `Third ${noun}` },
];
const options = ["option1", "option2", "option3"];

/** Forms that a server asks a person to fill in, by tool. */
export const forms = {
  test_elicitation_sep1034_defaults: {
    name: { type: "string", description: "User name", default: "John Doe" },
    age: { type: "integer", description: "User age", default: 30 },
    score: { type: "number", description: "User score", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
    verified: { type: "boolean", description: "Verification status", default: true },
  },
  test_elicitation_sep1330_enums: {
    untitledSingle: { type: "string", enum: options },
    titledSingle: { type: "string", oneOf: choices("Option") },
    legacyEnum: {
      type: "string",
      enum: ["opt1", "opt2", "opt3"],
      enumNames: ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti: { type: "array", minItems: 1, maxItems: 3, items: { type: "string", enum: options } },
    titledMulti: { type: "array", minItems: 1, maxItems: 3, items: { anyOf: choices("Choice") } },
  },
} as const;
