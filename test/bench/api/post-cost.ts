import type { Database } from "../../../persistence/postgres/connect.ts";
import { median, rounded } from "../engine/median.ts";
import { processCpuMs, serverCpuMs } from "../engine/server-cpu.ts";
import type { NodeUnderTest } from "../node-process.ts";

/** Null of what runs elsewhere. */
export interface UsPerPost {
  node: number | null;
  server: number | null;
}

/** What posts cost the processors: less moved by other work beside the measurement than any time. */
export class PostCost {
  readonly #node: NodeUnderTest;
  readonly #database: Database;
  readonly #rounds: UsPerPost[] = [];

  constructor(node: NodeUnderTest, database: Database) {
    this.#node = node;
    this.#database = database;
  }

  async of(work: () => Promise<number>): Promise<void> {
    const before = await this.#used();
    const posts = await work();
    const after = await this.#used();
    const each = (from: number | null, to: number | null) =>
      from === null || to === null ? null : ((to - from) * 1_000) / posts;
    this.#rounds.push({
      node: each(before.node, after.node),
      server: each(before.server, after.server),
    });
  }

  median(): UsPerPost {
    const of = (which: keyof UsPerPost): number | null => {
      const values = this.#rounds.flatMap((round) => round[which] ?? []);
      return values.length === 0 ? null : rounded(median(values), 0);
    };
    return { node: of("node"), server: of("server") };
  }

  async #used(): Promise<UsPerPost> {
    return { node: processCpuMs(this.#node.pid), server: await serverCpuMs(this.#database) };
  }
}
