// Run by server-folder.ts: waits until whoever holds our standard input has ended, then removes the server in argv[2].
import { once } from "node:events";
import { rm } from "node:fs/promises";
import path from "node:path";

import { readDataDir } from "../../persistence/embedded/location.ts";
import { stopEmbedded } from "../../persistence/embedded/server.ts";

const [, , dir] = process.argv;
if (dir === undefined) throw new Error("Usage: remove-server.ts DIR");
process.stdin.resume();
await once(process.stdin, "close");
await stopEmbedded({ dir });
const dataDir = await readDataDir(dir);
// The data is elsewhere when the temporary folder is closed to the server's user.
if (dataDir !== null && path.dirname(dataDir) !== dir) await rm(path.dirname(dataDir), { recursive: true });
await rm(dir, { recursive: true });
