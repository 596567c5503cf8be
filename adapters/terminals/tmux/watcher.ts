/** Watches panes: one control client per session pushes, one slow poll per server is the net below it. */
import { coalesce } from "../coalesce.ts";
import type { TerminalClock } from "../clock.ts";
import type { TmuxClient } from "./client.ts";
import { startControlClient, type ControlClient } from "./control-client.ts";
import { clientFormat, parseViewers, type Viewer } from "./look.ts";

const coalesceMs = 20;

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

export interface Watcher {
  watch(place: WatchPlace, onChange: () => void): () => void;
  close(): void;
}

export function createWatcher(options: {
  tmux: TmuxClient;
  clock: TerminalClock;
  pollMs: number;
  /** Every poll tells who is attached, so that a person's last keystroke outlives their client. */
  onViewers: (server: string, viewers: readonly Viewer[]) => void;
}): Watcher {
  const { tmux, clock } = options;
  const watched = new Set<Watched>();
  const controlClients = new Map<string, ControlClient>();
  let cancelPoll: (() => void) | null = null;
  let isClosed = false;

  function ring(server: string, pane: string | null): void {
    for (const entry of watched) {
      if (entry.server === server && (pane === null || entry.pane === pane)) entry.bell.ring();
    }
  }

  function keepControlClients(): void {
    const needed = new Map<string, WatchPlace>();
    for (const entry of watched) needed.set(`${entry.sessionId}@${entry.server}`, entry);
    for (const [key, client] of controlClients) {
      if (client.isRunning && needed.has(key)) continue;
      client.stop();
      controlClients.delete(key);
    }
    for (const [key, place] of needed) {
      if (controlClients.has(key)) continue;
      controlClients.set(
        key,
        startControlClient(tmux, place, (pane) => ring(place.server, pane)),
      );
    }
  }

  async function poll(): Promise<void> {
    for (const server of new Set([...watched].map((entry) => entry.server))) {
      const panes = await listPanes(tmux, server, options.onViewers);
      for (const entry of watched) {
        if (entry.server !== server) continue;
        const now = panes?.get(entry.pane) ?? "gone";
        // The first poll rings too: something may have changed before it.
        if (entry.seen !== now) entry.bell.ring();
        entry.seen = now;
      }
    }
  }

  function schedulePoll(): void {
    if (isClosed || cancelPoll !== null || watched.size === 0) return;
    cancelPoll = clock.after(options.pollMs, () => {
      // A server that does not answer is seen at the next poll; a watch itself never fails.
      void poll()
        .catch(() => {})
        .then(() => {
          cancelPoll = null;
          if (!isClosed) keepControlClients();
          schedulePoll();
        });
    });
  }

  return {
    watch(place, onChange) {
      const entry: Watched = { ...place, bell: coalesce(clock, coalesceMs, onChange), seen: null };
      watched.add(entry);
      keepControlClients();
      schedulePoll();
      return () => {
        entry.bell.stop();
        watched.delete(entry);
        if (!isClosed) keepControlClients();
      };
    },
    close() {
      isClosed = true;
      cancelPoll?.();
      for (const entry of watched) entry.bell.stop();
      watched.clear();
      for (const client of controlClients.values()) client.stop();
      controlClients.clear();
    },
  };
}

const pollFormat =
  "pane|#{pane_id}|#{window_id}|#{pane_dead}|#{pane_in_mode}|#{pane_pid}|#{history_size}|#{cursor_x},#{cursor_y}";

/** A line of facts per pane, its viewers included; null when the server is gone. */
async function listPanes(
  tmux: TmuxClient,
  server: string,
  onViewers: (server: string, viewers: readonly Viewer[]) => void,
): Promise<Map<string, string> | null> {
  const args = ["list-panes", "-a", "-F", pollFormat, ";", "list-clients", "-F", clientFormat];
  const result = await tmux.run(server, args);
  if (result.exitCode !== 0) return null;
  const lines = result.stdout.split("\n");
  const viewers = parseViewers(lines);
  onViewers(server, viewers);
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
