import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { operations } from "../../../api/operations/list.ts";
import { operationsReference } from "../../../api/operations/reference.ts";

test("docs/operations.md is what the definitions say", async () => {
  const file = fileURLToPath(new URL("../../../docs/operations.md", import.meta.url));
  await expect(operationsReference()).toMatchFileSnapshot(file);
});

test("names and routes are unique, and well formed", () => {
  const names = operations.map(({ name }) => name);
  const routes = operations.map(({ http }) => `${http.method} ${http.path}`);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(routes).size).toBe(routes.length);
  expect(names.filter((name) => !/^[a-z]+(?:_[a-z]+)*$/.test(name))).toEqual([]);
});

test("what reads goes by GET and what changes does not, so no link can change anything", () => {
  for (const { readOnly, http } of operations)
    expect([http.path, http.method === "GET"]).toEqual([http.path, readOnly]);
});

test("auditors change nothing, and only people hand out tokens", () => {
  const mutations = operations.filter(({ readOnly }) => !readOnly);
  expect(mutations.filter(({ roles }) => roles.includes("auditor"))).toEqual([]);
  const ofTokens = operations.filter(
    ({ name, readOnly }) => !readOnly && /_(?:token|tokens_of|key)$/.test(name),
  );
  const byOthers = ofTokens.filter(({ roles }) => roles.length !== 1 || roles[0] !== "operator");
  expect(ofTokens).toHaveLength(6);
  expect(byOthers.map(({ name }) => name)).toEqual(["refresh_token"]);
});
