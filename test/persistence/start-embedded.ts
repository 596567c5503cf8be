// A process of its own for embedded.test.ts: starts the server in argv[2], prints what it got, and stays until killed.
import { startEmbedded } from "../../persistence/embedded/server.ts";

const [, , dir] = process.argv;
if (dir === undefined) throw new Error("Usage: start-embedded.ts DIR");
const server = await startEmbedded({ dir });
process.stdout.write(`${JSON.stringify(server)}\n`);
process.stdin.resume();
