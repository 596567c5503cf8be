/** What the programs of the cluster are told; docs/operations/scale-out.md explains it. */

export interface Member {
  name: string;
  address: string;
}

export interface Folders {
  /** Below it each program keeps what is its own. */
  root: string;
  /** Postgres' programs. */
  bin: string;
}

export const ports = {
  etcd: 2379,
  etcdPeer: 2380,
  patroni: 8008,
  postgres: 5432,
  haproxy: 5000,
  pgbouncer: 6432,
};
export const password = "cluster-only";

/** Machines of the cluster. */
export const memberNames = ["db1", "db2", "db3"];

/**
 * Seconds. A dead primary is replaced when its key in etcd runs out: `ttl` bounds the outage from below. Patroni wants
 * loop_wait + 2 × retry_timeout <= ttl; etcd must be able to elect within retry_timeout.
 */
export const timing = { ttl: 20, loopWait: 2, retryTimeout: 5 };

export function etcdArguments(member: Member, members: readonly Member[], dataFolder: string): string[] {
  const peer = ({ address }: Member): string => `http://${address}:${ports.etcdPeer}`;
  const client = `http://${member.address}:${ports.etcd}`;
  const options = {
    name: member.name,
    "data-dir": dataFolder,
    "listen-client-urls": `${client},http://127.0.0.1:${ports.etcd}`,
    "advertise-client-urls": client,
    "listen-peer-urls": peer(member),
    "initial-advertise-peer-urls": peer(member),
    "initial-cluster": members.map((each) => `${each.name}=${peer(each)}`).join(","),
    "initial-cluster-state": "new",
    "initial-cluster-token": "rouse",
    // Milliseconds, twice the defaults: a busy machine answers late, and not every time is worth an election.
    "heartbeat-interval": "200",
    "election-timeout": "2000",
    // A member that was cut off does not make the others elect anew when it comes back.
    "pre-vote": "true",
    "enable-v2": "true",
  };
  return Object.entries(options).map(([name, value]) => `--${name}=${value}`);
}

export function patroniConfig(member: Member, members: readonly Member[], { root, bin }: Folders): string {
  const user = (username: string) => ({ username, password });
  const config = {
    scope: "rouse",
    name: member.name,
    restapi: {
      listen: `${member.address}:${ports.patroni}`,
      connect_address: `${member.address}:${ports.patroni}`,
    },
    // By etcd's older interface: with `etcd3` Patroni 3.0 takes the lock of another when it comes back from a cut.
    etcd: { hosts: members.map(({ address }) => `${address}:${ports.etcd}`) },
    bootstrap: {
      dcs: {
        ttl: timing.ttl,
        loop_wait: timing.loopWait,
        retry_timeout: timing.retryTimeout,
        maximum_lag_on_failover: 1_048_576,
        synchronous_mode: true,
        postgresql: {
          use_pg_rewind: true,
          parameters: {
            max_connections: 100,
            shared_buffers: "64MB",
            wal_keep_size: "256MB",
            // A primary that is cut off must be down before Patroni looks again: it waits this long for silent standbys.
            wal_sender_timeout: "4s",
          },
        },
      },
      initdb: [{ encoding: "UTF8" }, "data-checksums"],
      pg_hba: [
        "host replication replicator 10.77.0.0/24 md5",
        "host all all 10.77.0.0/24 md5",
        "local all all trust",
      ],
    },
    postgresql: {
      listen: `${member.address}:${ports.postgres}`,
      connect_address: `${member.address}:${ports.postgres}`,
      data_dir: `${root}/${member.name}/data`,
      bin_dir: bin,
      remove_data_directory_on_rewind_failure: true,
      remove_data_directory_on_diverged_timelines: true,
      pgpass: `${root}/${member.name}/pgpass`,
      authentication: {
        superuser: user("postgres"),
        replication: user("replicator"),
        rewind: user("rewinder"),
      },
      parameters: { unix_socket_directories: `${root}/${member.name}` },
    },
  };
  // JSON is YAML.
  return JSON.stringify(config, null, 2);
}

/** Only the member that says of itself that it is the primary gets connections; those to a former one are ended. */
export function haproxyConfig(members: readonly Member[]): string {
  return [
    "defaults",
    "  mode tcp",
    "  timeout connect 2s",
    "  timeout client 1h",
    "  timeout server 1h",
    "  timeout check 1s",
    "  retries 2",
    "listen primary",
    `  bind 127.0.0.1:${ports.haproxy}`,
    "  option httpchk OPTIONS /primary",
    "  http-check expect status 200",
    "  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions",
    ...members.map(
      ({ name, address }) =>
        `  server ${name} ${address}:${ports.postgres} maxconn 90 check port ${ports.patroni}`,
    ),
    "",
  ].join("\n");
}

export function pgbouncerConfig(usersFile: string, folder: string): string {
  return [
    "[databases]",
    `rouse = host=127.0.0.1 port=${ports.haproxy} dbname=rouse`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${ports.pgbouncer}`,
    `unix_socket_dir = ${folder}`,
    `pidfile = ${folder}/pgbouncer.pid`,
    "auth_type = plain",
    `auth_file = ${usersFile}`,
    "pool_mode = transaction",
    "default_pool_size = 30",
    "max_client_conn = 200",
    "server_login_retry = 1",
    "server_connect_timeout = 3",
    "query_wait_timeout = 20",
    "server_fast_close = 1",
    "ignore_startup_parameters = statement_timeout,idle_in_transaction_session_timeout",
    "",
  ].join("\n");
}

/** Through the pool for everything in a transaction; straight to the primary for LISTEN, which outlives one. */
export const databaseUrls = {
  pooled: `postgres://rouse:${password}@127.0.0.1:${ports.pgbouncer}/rouse?prepare=false`,
  direct: `postgres://rouse:${password}@127.0.0.1:${ports.haproxy}/rouse`,
  admin: `postgres://postgres:${password}@127.0.0.1:${ports.haproxy}/postgres`,
};
