/** The library: durable actors from your own statecharts. See docs/library.md. */
export { defineActor, type ActorDefinition } from "./define-actor.ts";
export type { Actor, ActorState, Sent } from "./actor.ts";
export type { EventOf, InputOf } from "./chart-types.ts";
export type { Examples, PortOutcomes } from "./examples.ts";
export { createNode, type Node, type NodeOptions } from "./node.ts";
export type { ActorHandle, JournalOptions, WaitOptions } from "./handle.ts";
export type { StoreChoice } from "./open-store.ts";
export { implementPort, refusal, type PortCall } from "./implement-port.ts";
export { definePort, type Port, type PortDefinition, type RetryPolicy } from "../../machines/port.ts";
export type { ChartMigration, ChartState } from "../../machines/migration.ts";
export { timeOf, type Address, type Timed } from "../../machines/mail.ts";
export { failureOf, type PortFailure } from "../../machines/failure.ts";
export { RouseError, isRouseError, type ErrorCode } from "../../runtime/errors.ts";
export type { AnyPortImplementation } from "../../runtime/ports.ts";
export type { NodeTiming } from "../../runtime/node.ts";
export type { StoredJournalEntry } from "../../runtime/store.ts";
export type { Page } from "../../runtime/domain.ts";
export type { Clock } from "../../runtime/clock.ts";
