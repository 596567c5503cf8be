// Runs in a hub for namespaces.test.ts: starts a program on a host and one beside itself, writes their ids into argv[2], and
// then ends in the way of argv[3].
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Network } from "./namespaces.ts";

const [, , file = "", end = ""] = process.argv;
const host = Network.ofThisProcess()?.addHost("h1");
if (host === undefined) throw new Error("not in a hub");
const sleeps = [["sleep", "600"], host.run("sleep", "600")].map(([program = "", ...args]) =>
  spawn(program, args, { detached: true, stdio: "ignore" }),
);
process.on("SIGINT", () => process.exit(130));
writeFileSync(file, JSON.stringify(sleeps.map(({ pid }) => pid)));
if (end === "kill") process.kill(process.pid, "SIGKILL");
setInterval(() => {}, 1_000);
