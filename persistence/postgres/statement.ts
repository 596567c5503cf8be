import type postgres from "postgres";

import { RouseError } from "../../runtime/errors.ts";

/** The tag and its helpers: sql`…`, sql.unsafe, sql.json, fragments; see `routeStatements` for what is refused. */
export type Sql = postgres.ISql;

/**
 * The inner side of a query of postgres.js, which its types leave out: it is lazy, calls `handler` once when awaited,
 * and is settled from outside. The package version is pinned exactly; connect.test.ts breaks if this changes.
 */
export interface Statement extends Promise<unknown> {
  handler: (statement: Statement) => void;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Wraps the tag `client` so that its statements are given to `run` instead of the client's own pool. Refused: cursors
 * and COPY streams (they write to the connection when it may be gone) and sql.array (it needs types that are not asked
 * for: give the array itself, with a cast).
 */
export function routeStatements(client: postgres.Sql, run: (statement: Statement) => void): Sql {
  const route = (built: unknown): unknown => {
    if (!(built instanceof Promise)) return built;
    // Without a canceller cancel() does nothing: it would open a connection of the library's own making.
    return Object.assign(built, {
      handler: run,
      canceller: null,
      cursor: refuse,
      readable: refuse,
      writable: refuse,
    });
  };
  return new Proxy<postgres.Sql>(client, {
    apply: (target, self, args) => route(Reflect.apply(target, self, args)),
    get: (target, name) => {
      if (name === "notify")
        return (...args: string[]) => route(target.unsafe("select pg_notify($1, $2)", args));
      if (name === "array") return refuseArray;
      const member: unknown = Reflect.get(target, name);
      if (name !== "unsafe" && name !== "file") return member;
      return typeof member === "function"
        ? (...args: unknown[]) => route(Reflect.apply(member, target, args))
        : member;
    },
  });
}

/** Calls `settled` once, before the caller of the statement sees the outcome; `mapError` decides which error it sees. */
export function onSettled(
  statement: Statement,
  mapError: (error: unknown) => unknown,
  settled: () => void,
): void {
  const { resolve, reject } = statement;
  let isSettled = false;
  const settle = (deliver: () => void): void => {
    if (isSettled) return;
    isSettled = true;
    settled();
    deliver();
  };
  statement.resolve = (value) => settle(() => resolve(value));
  statement.reject = (error) => settle(() => reject(mapError(error)));
}

function refuse(): never {
  throw new RouseError("internal", "Cursors and COPY streams are not supported: read in pages instead.");
}

function refuseArray(): never {
  throw new RouseError("internal", "sql.array is not supported: write ${values}::text[] instead.");
}
