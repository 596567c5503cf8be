import type { Timed } from "../mail.ts";
import type { Authority } from "../roles.ts";
import type { Notice, Notification, NotifierMeans, NotifierPolicy } from "./contract.ts";

export interface NotifierInput {
  /** `webhook`, or means and host: `bell.host-a`. */
  notifierId: string;
  means: NotifierMeans;
  /** The only host that can reach people so; null: any node. */
  host: string | null;
  policy: NotifierPolicy;
}

/** Notices that no message tells of yet. */
export interface Waiting extends Pick<Notification, "count" | "reasons" | "notices"> {
  /** When the earliest of them is to be told. */
  dueAt: number;
}

export interface NotifierContext extends NotifierInput {
  waiting: Waiting | null;
  /** Messages to be sent, the first one now. */
  queue: Notification[];
  /** Messages that were given up, newest last, bounded. */
  undelivered: Notification[];
  /** When each thread (else agent, else actor) was told of last; bounded. */
  toldAt: Record<string, number>;
  /** Trials do not count. */
  lastSentAt: number | null;
  /** Messages made so far: numbers them. */
  made: number;
  sent: number;
  givenUp: number;
  /** False when the settings of its host name it no longer. */
  isServed: boolean;
  /** False when an operator switched it off. */
  isOn: boolean;
}

export type NotifierEvent =
  | ({ type: "notice.raised" } & Omit<Notice, "at">)
  /** What the settings say, sent when a node starts. */
  | { type: "notifier.configured"; policy: NotifierPolicy; isServed: boolean }
  | ({ type: "test.requested" } & Authority)
  /** Sends once more what was given up. */
  | ({ type: "retry.requested" } & Authority)
  | ({ type: "notifier.switched"; isOn: boolean } & Authority);

export type TimedNotifierEvent = Timed<NotifierEvent>;
