import { until } from "../network/until.ts";
import { titleOf, type Drill } from "./drills.ts";
import { readRunbook } from "./runbook.ts";
import { Site } from "./site.ts";

export interface DrillResult {
  name: string;
  ok: boolean;
  /** Breaking, looking, curing and checking, in ms; 0 for what was not reached. */
  broke_ms: number;
  looked_ms: number;
  cured_ms: number;
  /** What went wrong, or null. */
  failure: string | null;
}

const curedWithinMs = 120_000;

/** Breaks one thing on a node of its own and follows its runbook to the letter. */
export async function runDrill(drill: Drill, tell: (step: string) => void): Promise<DrillResult> {
  const runbook = readRunbook(drill.name);
  const result: DrillResult = {
    name: titleOf(drill),
    ok: false,
    broke_ms: 0,
    looked_ms: 0,
    cured_ms: 0,
    failure: null,
  };
  const timed = async (field: "broke_ms" | "looked_ms" | "cured_ms", work: () => Promise<void>) => {
    const started = performance.now();
    await work();
    result[field] = Math.round(performance.now() - started);
  };
  tell("start a node");
  const site = await Site.open(drill.wake);
  try {
    tell("break it");
    await timed("broke_ms", () => drill.break(site));
    tell("look");
    await timed("looked_ms", async () => {
      await requireUncured(site, runbook.cured);
      const { output } = await site.shell(runbook.look);
      if (!drill.shows.test(output))
        throw new Error(`"Look" does not show ${String(drill.shows)}:\n${output}`);
    });
    tell("cure");
    await timed("cured_ms", async () => {
      const { code, output } = await site.shell(runbook.cure, 120_000);
      if (code !== 0) throw new Error(`"Cure" ends with ${code}:\n${output}`);
      for (const check of runbook.cured) await untilCured(site, check);
    });
    result.ok = true;
  } catch (error) {
    const { output } = await site.shell(`rouse explain "$THREAD" "$AGENT" || rouse status || true`);
    const { message, cause } = error as Error;
    result.failure = [message, ...(cause instanceof Error ? [cause.message] : []), output].join("\n");
  } finally {
    const left = await site.close();
    if (left.length > 0) result.failure ??= `left behind: ${left.join(", ")}`;
    result.ok &&= left.length === 0;
  }
  return result;
}

/** A check that is fulfilled before the cure proves nothing. */
async function requireUncured(site: Site, checks: readonly string[]): Promise<void> {
  const runs = await Promise.all(checks.map((check) => site.shell(check, 3_000)));
  if (runs.every(({ code }) => code === 0)) throw new Error(`"Cured" holds before anything was cured`);
}

async function untilCured(site: Site, check: string): Promise<void> {
  await until(`the cure, shown by ${check}`, curedWithinMs, async () => {
    const { code, output } = await site.shell(check, 30_000);
    if (code !== 0) throw new Error(output);
    return true;
  });
}
