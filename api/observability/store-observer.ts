import type { Message } from "../../runtime/domain.ts";
import type { ClaimedEffect, EffectOutcome, TurnCommit } from "../../runtime/store.ts";

/** What one transaction changed; told once it is committed, and not at all when it was undone. */
export interface CommittedWork {
  commits: readonly TurnCommit[];
  messages: readonly Message[];
  /** Mail was claimed for a batch of actors; otherwise a caller's own transaction. */
  isTurn: boolean;
  /** The store's clock, epoch ms. */
  now: number;
  durationMs: number;
}

export interface EndedEffect {
  effect: ClaimedEffect;
  outcome: EffectOutcome;
  /** Of this attempt, from its claim to its record. */
  durationMs: number;
}

/** Hears of the engine's work. What it throws is reported and changes nothing. */
export interface StoreObserver {
  committed?(work: CommittedWork): void;
  /** Of any call to the store; `isTurn` as in `CommittedWork`. */
  failed?(error: unknown, isTurn: boolean): void;
  /** `lateMs`: of the earliest timer that this process knew of, or null. */
  timersFired?(fired: number, lateMs: number | null): void;
  effectEnded?(ended: EndedEffect): void;
  /** The attempt is over without an outcome of ours: the chart withdrew it, or another node took over. */
  effectLost?(effect: ClaimedEffect): void;
}

/** Tells several observers in order; one that throws does not keep the others from hearing. */
export function toAll(
  observers: readonly StoreObserver[],
  onError: (error: unknown) => void,
): Required<StoreObserver> {
  const tell = (told: (observer: StoreObserver) => void): void => {
    for (const observer of observers) {
      try {
        told(observer);
      } catch (error) {
        onError(error);
      }
    }
  };
  return {
    committed: (work) => tell((each) => each.committed?.(work)),
    failed: (error, isTurn) => tell((each) => each.failed?.(error, isTurn)),
    timersFired: (fired, lateMs) => tell((each) => each.timersFired?.(fired, lateMs)),
    effectEnded: (ended) => tell((each) => each.effectEnded?.(ended)),
    effectLost: (effect) => tell((each) => each.effectLost?.(effect)),
  };
}
