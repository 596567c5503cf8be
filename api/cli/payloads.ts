import type { OperationName, OutputOf, RouseEvent } from "../client/types.ts";

/** What the node answers, as the operations' definitions say; and names for the parts that are drawn. */
export type Payloads = { [Name in OperationName]: Omit<OutputOf<Name>, "schema_version"> };

export type Thread = Payloads["get_thread"]["thread"];
export type Message = Payloads["read_messages"]["messages"][number];
export type Participant = Payloads["get_thread"]["participants"][number];
export type Runtime = Payloads["get_runtime"]["runtime"];
export type Page = Pick<Payloads["list_threads"], "next_cursor" | "has_more">;
export type Agent = Payloads["register_agent"]["agent"];
export type Wake = Payloads["list_wakes"]["wakes"][number];
export type WakeEffect = Wake["effects"][number];
export type JournalEntry = Omit<Payloads["get_journal"]["entries"][number], "event_version">;
export type DeadLetter = Payloads["get_dead_letter"]["dead_letter"];
export type QuarantinedActor = Payloads["list_quarantined"]["actors"][number];
export type Node = Payloads["list_nodes"]["nodes"][number];
export type AuditEntry = Payloads["list_audit"]["entries"][number];
export type AuditProblem = Payloads["verify_audit"]["problems"][number];
export type Explanation = Payloads["explain"]["explanations"][number];
export type WorkspaceStatus = Payloads["get_status"];
export type Trigger = Payloads["trigger_participant"];
export type Event = RouseEvent;
