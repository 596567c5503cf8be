import { join } from "node:path";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { Client } from "../load/client.ts";
import { Traffic } from "../load/traffic.ts";
import type { Network } from "../network/namespaces.ts";
import { RouseNode } from "../network/rouse-node.ts";
import { Cluster } from "./cluster.ts";
import { findPrograms } from "./programs.ts";
import { databaseUrls, memberNames } from "./settings.ts";

/** The cluster, three nodes of ours on it, and callers that never stop. */
export interface Scene {
  cluster: Cluster;
  nodes: readonly RouseNode[];
  traffic: Traffic;
  /** The operator's client; every node's database is the same. */
  operator: Client;
  /** Straight to the primary, for looking. */
  database: Database;
}

export async function openScene(network: Network, root: string, say: (text: string) => void): Promise<Scene> {
  const hosts = new Map(memberNames.map((name) => [name, network.addHost(name)]));
  const cluster = new Cluster({ root, hosts, programs: findPrograms() });
  say("Starting three Postgres under Patroni with etcd, HAProxy and PgBouncer");
  await cluster.start();
  say("Starting three nodes of Rouse");
  const nodes = ["n1", "n2", "n3"].map(
    (name) =>
      new RouseNode({
        name,
        home: join(root, name),
        env: { DATABASE_URL: databaseUrls.pooled, DATABASE_DIRECT_URL: databaseUrls.direct },
        config: { terminal: "pty" },
      }),
  );
  for (const node of nodes) await node.start();
  const urls = nodes.map(({ url }) => url);
  const operator = new Client(urls, nodes[0]?.operatorToken() ?? "");
  const reader = async (agentId: string): Promise<Client> => {
    const body = { agent_id: agentId, role: "participant", lifetime_s: 12 * 3_600 };
    const { token } = await operator.call<{ token: string }>("POST", "/v1/tokens", { body });
    return new Client(urls, token);
  };
  return {
    cluster,
    nodes,
    traffic: new Traffic({ operator, reader, threads: 4, everyMs: 100 }),
    operator,
    // The deadline is the default: a shorter one would cut a commit short that waits for its standby.
    database: connect({ url: databaseUrls.direct, max: 20 }),
  };
}
