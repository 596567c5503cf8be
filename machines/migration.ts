/** Where an actor stands, as JSON. */
export interface ChartState {
  /** XState's state value: which states are active. */
  value: unknown;
  context: Record<string, unknown>;
  /** What history states remember: id of the history state → the states. Empty in charts without any. */
  history: Readonly<Record<string, readonly { id: string }[]>>;
}

/**
 * One step from a released chart to a later one. What a changed chart means for actors in flight is said here and
 * nowhere else; see docs/versions.md.
 */
export interface ChartMigration {
  /** Hash of the chart that stored the actor. */
  from: string;
  /** Hash of the chart that it leads to; further steps lead on to the current one. */
  to: string;
  /** Pure, JSON in and out. Throws when there is no right answer: the actor is then set aside, whole. */
  migrate(state: ChartState): ChartState;
  /** Invokes and timers whose meaning changed under the same id: withdrawn, and begun anew if still wanted. */
  restarts?: readonly string[];
  /**
   * Invokes and timers of states that stay active, which the old chart had as well. One of these that no longer runs
   * has ended, and is not begun again; any other that the new chart wants is new to the actor, and begins.
   */
  known?: readonly string[];
}
