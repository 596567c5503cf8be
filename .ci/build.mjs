// Writes dist/: the JavaScript of the production folders, and the files beside it that are read at run time.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { extname } from "node:path";

const PRODUCTION_FOLDERS = ["machines", "runtime", "persistence", "adapters", "api"];

rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
for (const folder of PRODUCTION_FOLDERS) {
  cpSync(folder, `dist/${folder}`, { recursive: true, filter: (source) => extname(source) !== ".ts" });
}
