/** Whether a cluster may be struck: told by what its members say of it. */

/** As Patroni tells it. */
export interface MemberState {
  name: string;
  role: string;
}

/** Of pg_stat_replication, as the primary's Patroni tells it. */
export interface Standby {
  application_name: string;
  state: string;
  sync_state: string;
}

/** Members that take the primary's changes as they come. Whoever is being copied streams, too, under another name. */
export function streamingStandbys(
  members: readonly MemberState[],
  replication: readonly Standby[],
): string[] {
  const streaming = new Set(
    replication.filter(({ state }) => state === "streaming").map(({ application_name }) => application_name),
  );
  return members.filter(({ name }) => streaming.has(name)).map(({ name }) => name);
}

/**
 * What is missing until the primary streams to all others, waits for one of them at each commit, and etcd knows which
 * one: only then may another take its place. Null when nothing is.
 */
export function missingToBeWhole(
  members: readonly MemberState[],
  replication: readonly Standby[],
): string | null {
  const leaders = members.filter(({ role }) => role === "leader");
  if (leaders.length !== 1) return `${leaders.length} primaries`;
  const streaming = streamingStandbys(members, replication);
  const silent = members.filter(({ name, role }) => role !== "leader" && !streaming.includes(name));
  if (silent.length > 0) return `${silent.map(({ name }) => name).join(", ")} does not stream`;
  const isWaitedFor = ({ application_name, sync_state }: Standby): boolean =>
    sync_state === "sync" && streaming.includes(application_name);
  if (!replication.some(isWaitedFor)) return "the primary waits for nobody";
  return members.some(({ role }) => role === "sync_standby") ? null : "etcd names no synchronous standby";
}
