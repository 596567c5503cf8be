import { spawn } from "node:child_process";
import { RouseError } from "../../runtime/errors.ts";
import type { NodeMessage } from "../node-messages.ts";
import type { Invocation } from "./invocation.ts";
import { reportedFailure } from "./node-start.ts";
import { programPath } from "../program-path.ts";

/** Runs work on the database in a program of its own, with its progress on standard error. Throws what it reports. */
export async function maintain<Report extends object>(
  { surroundings, isJson }: Invocation,
  args: readonly string[],
): Promise<Report> {
  const child = spawn(process.execPath, ["--no-warnings", programPath("./main"), ...args], {
    env: surroundings.environment,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  return new Promise((resolve, reject) => {
    let failure = new RouseError("internal", `rouse ${args[0] ?? ""} ended without a word`);
    child.on("message", (message: NodeMessage) => {
      // Programs read one JSON object, and nothing else.
      if (message.type === "progress" && !isJson) surroundings.err(`  ${message.step} …\n`);
      if (message.type === "failed") failure = reportedFailure(message);
      if (message.type === "done") resolve(message.report as Report);
    });
    child.once("error", (cause) => reject(new RouseError("internal", cause.message, { cause })));
    // Its last messages come before the channel closes; after `resolve` this changes nothing.
    child.once("disconnect", () => reject(failure));
  });
}
