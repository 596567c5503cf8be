/**
 * Upper bounds of the histograms in seconds. Every target of docs/operations/observability.md is a bound itself, so that
 * its alert counts exactly and does not interpolate.
 */

/** A turn of one actor takes some 3 ms, of a full batch up to 100 ms; longer means a slow database. */
export const turnSeconds = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Powers of two up to the largest batch. */
export const turnActors = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Mail is taken within milliseconds of the doorbell, or at the next poll (1 s). */
export const mailWaitSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30, 300];

/** Target: 0.1 s; a post is visible before its answer, target 2 s. */
export const operationSeconds = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];

/** Agents and people read after seconds or hours. */
export const readSeconds = [0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400];

/** Target: 3 s; then the ack's time-out (8 s), the quiet window (20 s), a start (60 s), and the end of an extended wait. */
export const wakeSeconds = [0.25, 0.5, 1, 2, 3, 5, 8, 20, 30, 60, 120, 300, 600];

/** Target of a start: 3 s; the ports' own time-outs are 10, 15, 20 and 30 s. */
export const effectSeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 3, 5, 10, 15, 20, 30];

/** The timers' loop sleeps until the earliest is due, at most 1 s. */
export const timerLateSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30];

/** Up to the last retry of a webhook. */
export const notificationSeconds = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800];
