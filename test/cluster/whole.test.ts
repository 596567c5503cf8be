import { expect, test } from "vitest";
import { missingToBeWhole, type MemberState, type Standby } from "./whole.ts";

const members: MemberState[] = [
  { name: "db1", role: "leader" },
  { name: "db2", role: "sync_standby" },
  { name: "db3", role: "replica" },
];
const standby = (application_name: string, sync_state: string, state = "streaming"): Standby => ({
  application_name,
  sync_state,
  state,
});
const both = [standby("db2", "sync"), standby("db3", "async")];

test("a cluster is whole when the primary streams to both others and etcd names the one it waits for", () => {
  expect(missingToBeWhole(members, both)).toBeNull();
});

test.each<[string, MemberState[], Standby[], string]>([
  [
    "a member that is still being copied",
    members,
    [standby("db2", "sync"), standby("pg_basebackup", "async"), standby("pg_basebackup", "async", "backup")],
    "db3 does not stream",
  ],
  [
    "a member that catches up",
    members,
    [standby("db2", "sync"), standby("db3", "async", "catchup")],
    "db3 does not stream",
  ],
  ["several primaries", members.map(({ name }) => ({ name, role: "leader" })), both, "3 primaries"],
  [
    "commits that wait for nobody",
    members,
    both.map(({ application_name }) => standby(application_name, "async")),
    "the primary waits for nobody",
  ],
  [
    "a synchronous standby that etcd does not know yet",
    members.map(({ name, role }) => ({ name, role: role === "leader" ? role : "replica" })),
    both,
    "etcd names no synchronous standby",
  ],
])("%s is waited for", (_name, states, replication, missing) => {
  expect(missingToBeWhole(states, replication)).toBe(missing);
});
