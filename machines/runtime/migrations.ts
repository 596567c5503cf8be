import type { ChartMigration, ChartState } from "../migration.ts";

/** Steps that lead runtimes of earlier charts to the present one. */
export const runtimeMigrations: readonly ChartMigration[] = [
  {
    from: "3a3a36a8c054bc0f",
    to: "39df0275388cfefd",
    migrate: ({ value, context, history }) => ({
      value: withAnswerRegion(value),
      context: { ...context, answer: null },
      history,
    }),
  },
];

/** Operators could not answer before, so no answer is on its way. */
function withAnswerRegion(value: ChartState["value"]): ChartState["value"] {
  const { present } = value as { present?: { lifecycle: string | { live?: object } } };
  const lifecycle = present?.lifecycle;
  if (typeof lifecycle !== "object" || lifecycle.live === undefined) return value;
  return { present: { ...present, lifecycle: { live: { ...lifecycle.live, answer: "none" } } } };
}
