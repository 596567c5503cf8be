/** Watches panes: one control client per session pushes, one slow poll per server is the net below it. */
import { coalesce } from "../coalesce.ts";
import type { TerminalClock } from "../clock.ts";
import type { TmuxClient } from "./client.ts";
import { startControlClient, type ControlClient } from "./control-client.ts";
import { clientFormat, parseViewers, type Viewer } from "./look.ts";

const coalesceMs = 20;
const pollFormat =
  "pane|#{pane_id}|#{window_id}|#{pane_dead}|#{pane_in_mode}|#{pane_pid}|#{history_size}|#{cursor_x},#{cursor_y}";

export interface WatchPlace {
  server: string;
  sessionId: string;
  pane: string;
}

interface Watched extends WatchPlace {
  bell: ReturnType<typeof coalesce>;
  /** What the last poll saw; null before the first. */
  seen: string | null;
}

export interface WatcherOptions {
  tmux: TmuxClient;
  clock: TerminalClock;
  pollMs: number;
  /** Every poll tells who is attached, so that a person's last keystroke outlives their client. */
  onViewers: (server: string, viewers: readonly Viewer[]) => void;
}

export class Watcher {
  readonly #options: WatcherOptions;
  readonly #watched = new Set<Watched>();
  readonly #controlClients = new Map<string, ControlClient>();
  #cancelPoll: (() => void) | null = null;
  #isClosed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  watch(place: WatchPlace, onChange: () => void): () => void {
    const entry: Watched = {
      ...place,
      bell: coalesce(this.#options.clock, coalesceMs, onChange),
      seen: null,
    };
    this.#watched.add(entry);
    this.#keepControlClients();
    this.#schedulePoll();
    return () => {
      entry.bell.stop();
      this.#watched.delete(entry);
      this.#keepControlClients();
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelPoll?.();
    for (const entry of this.#watched) entry.bell.stop();
    this.#watched.clear();
    for (const client of this.#controlClients.values()) client.stop();
    this.#controlClients.clear();
  }

  #ring(server: string, pane: string | null): void {
    for (const entry of this.#watched) {
      if (entry.server === server && (pane === null || entry.pane === pane)) entry.bell.ring();
    }
  }

  /** One for each session that is watched; those that ended are started again. */
  #keepControlClients(): void {
    if (this.#isClosed) return;
    const needed = new Map<string, WatchPlace>();
    for (const entry of this.#watched) needed.set(`${entry.sessionId}@${entry.server}`, entry);
    for (const [key, client] of this.#controlClients) {
      if (client.isRunning && needed.has(key)) continue;
      client.stop();
      this.#controlClients.delete(key);
    }
    for (const [key, place] of needed) {
      if (this.#controlClients.has(key)) continue;
      const onChange = (pane: string | null): void => this.#ring(place.server, pane);
      this.#controlClients.set(key, startControlClient(this.#options.tmux, place, onChange));
    }
  }

  #schedulePoll(): void {
    if (this.#isClosed || this.#cancelPoll !== null || this.#watched.size === 0) return;
    this.#cancelPoll = this.#options.clock.after(this.#options.pollMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    for (const server of new Set([...this.#watched].map((entry) => entry.server)))
      await this.#pollServer(server);
    this.#cancelPoll = null;
    this.#keepControlClients();
    this.#schedulePoll();
  }

  async #pollServer(server: string): Promise<void> {
    const panes = await this.#listPanes(server);
    for (const entry of this.#watched) {
      if (entry.server !== server) continue;
      const now = panes?.get(entry.pane) ?? "gone";
      // The first poll rings too: something may have changed before it.
      if (entry.seen !== now) entry.bell.ring();
      entry.seen = now;
    }
  }

  /** A line of facts per pane, its viewers included; null when the server is gone or does not answer. */
  async #listPanes(server: string): Promise<Map<string, string> | null> {
    const args = ["list-panes", "-a", "-F", pollFormat, ";", "list-clients", "-F", clientFormat];
    const result = await this.#options.tmux.run(server, args).catch(() => null);
    if (result?.exitCode !== 0) return null;
    const lines = result.stdout.split("\n");
    const viewers = parseViewers(lines);
    this.#options.onViewers(server, viewers);
    return paneFacts(lines, viewers);
  }
}

function paneFacts(lines: readonly string[], viewers: readonly Viewer[]): Map<string, string> {
  const panes = new Map<string, string>();
  for (const line of lines) {
    const [kind, pane, windowId] = line.split("|");
    if (kind !== "pane" || pane === undefined) continue;
    const activity = viewers
      .filter((viewer) => viewer.windowId === windowId)
      .map((viewer) => viewer.activeAtSeconds);
    panes.set(pane, `${line}|${activity.join(",")}`);
  }
  return panes;
}
