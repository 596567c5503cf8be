import { failureOf } from "../failure.ts";
import { timeOf } from "../mail.ts";
import type { Answer, AnswerOutcome, AnswerRefusal } from "./contract.ts";
import type { RuntimeContext, TimedRuntimeEvent } from "./events.ts";
import type { AnswerPromptInput, AnswerPromptOutput } from "./ports.ts";

/** An operator's answer to a dialog, from the order to what became of it. Pure. */

type AnswerRequested = Extract<TimedRuntimeEvent, { type: "answer.requested" }>;

/** An answer that its host could not give within this time is not given any more: what it was about may be long over. */
const givenWithinMs = 30_000;

/** Of the order that the guard let pass. */
export function answerAsked({ observation }: RuntimeContext, event: AnswerRequested): Answer {
  const { fingerprint, option, by } = event;
  const chosen = observation.prompt?.options.find((offered) => offered.option === option);
  return {
    ...{ fingerprint, option, label: chosen?.label ?? "", by, at: timeOf(event) },
    ...{ outcome: "pending", refusal: null, settledAt: null },
  };
}

export function answerInput({ context }: { context: RuntimeContext }): AnswerPromptInput {
  const { runtimeId, agentId, host, answer } = context;
  if (answer === null) throw new Error(`runtime ${runtimeId} has no answer to give`);
  const { fingerprint, option, at } = answer;
  return { runtimeId, agentId, host, fingerprint, option, until: at + givenWithinMs };
}

export interface AnswerEnd {
  outcome: AnswerOutcome;
  refusal: AnswerRefusal | null;
}

export function endOf(output: AnswerPromptOutput): AnswerEnd {
  return { outcome: output.verdict, refusal: output.verdict === "refused" ? output.reason : null };
}

const uncertain: readonly string[] = ["effect_uncertain", "effect_timeout"];

export function endAfter(error: unknown): AnswerEnd {
  const isUncertain = uncertain.includes(failureOf(error).code);
  return isUncertain
    ? { outcome: "unconfirmed", refusal: null }
    : { outcome: "refused", refusal: "portFailed" };
}

export function settled(answer: Answer | null, end: AnswerEnd, at: number): Answer | null {
  return answer === null ? null : { ...answer, ...end, settledAt: at };
}
