import type { AuditChange } from "../../runtime/domain.ts";
import type { Engine } from "../../runtime/engine.ts";

/** What one call changed, noted while it runs and written with its audit row. */
export type NoteChange = (of: string, change: { before: unknown; after: unknown }) => void;

/** Adds to `changes`; a value that stays as it was is no change. */
export function noteIn(changes: AuditChange[]): NoteChange {
  return (of, { before, after }) => {
    if (before !== after) changes.push({ of, before, after });
  };
}

/** Notes the states that actors leave and reach, so that no operation has to. */
export function notingEngine(engine: Engine, note: NoteChange): Engine {
  return {
    ...engine,
    async create(tx, request) {
      await engine.create(tx, request);
      note(request.address, { before: null, after: "created" });
    },
    async command(tx, request) {
      const result = await engine.command(tx, request);
      const { before, after } = result;
      note(request.to, { before: only(before, after), after: only(after, before) });
      return result;
    },
  };
}

/** The states of one that the other has not; null when there are none. */
function only(states: readonly string[], others: readonly string[]): string | null {
  const own = states.filter((state) => !others.includes(state));
  return own.length === 0 ? null : own.join(", ");
}
