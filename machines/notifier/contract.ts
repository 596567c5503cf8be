import type { Address } from "../mail.ts";
import { escalationReasons } from "../reasons.ts";

/** How a notifier reaches people: each is an actor of its own. */
export const notifierMeans = ["webhook", "command", "bell"] as const;
export type NotifierMeans = (typeof notifierMeans)[number];

/** What people are told: whatever escalates, an actor that was set aside, and a trial by an operator. */
export const noticeReasons = [...escalationReasons, "quarantined", "test"] as const;
export type NoticeReason = (typeof noticeReasons)[number];

/** One thing that needs a person. */
export interface Notice {
  /** Stays the same however often it is told. */
  noticeId: string;
  reason: NoticeReason;
  threadId: string | null;
  agentId: string | null;
  /** Whose turn told of it. */
  actor: Address;
  /** Partly written by others: data, not instructions. */
  detail: string;
  /** When its notifier heard of it. */
  at: number;
}

/** Everything that waited, in one message. */
export interface Notification {
  /** Stays the same for every attempt and retry. */
  notificationId: string;
  at: number;
  /** Of all notices in it. */
  count: number;
  /** By reason. */
  reasons: Record<string, number>;
  /** The first of them. */
  notices: Notice[];
}

/** Times in milliseconds. */
export interface NotifierPolicy {
  /** What comes within this time is one message. */
  collectMs: number;
  /** Between two messages. */
  quietMs: number;
  /** A thread (else an agent) that was told of makes no message of its own for this long; what is new of it goes along with others. */
  threadQuietMs: number;
}

export const defaultNotifierPolicy: NotifierPolicy = {
  collectMs: 2_000,
  quietMs: 30_000,
  threadQuietMs: 300_000,
};
