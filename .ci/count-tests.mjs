// Prints what failed and `N passed, N failed` from the JSON results of vitest: `node .ci/count-tests.mjs FILE`.
import { readFileSync } from "node:fs";

const [file = ""] = process.argv.slice(2);
/** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { name: string, status: string, message: string,
 *     assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }[] }} */
const results = readResults();

// A file that breaks before its first test has no failed test, yet it failed.
const brokenFiles = results.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
);
const failed = results.numFailedTests + brokenFiles.length;
const skipped = results.numPendingTests + results.numTodoTests;

// Said once more at the end: whoever reads only the last lines of a long run learns what broke.
for (const { name, assertionResults } of results.testResults) {
  for (const { status, fullName, failureMessages } of assertionResults) {
    if (status === "failed") tell(`${name} > ${fullName}`, failureMessages.join("\n"));
  }
}
for (const { name, message } of brokenFiles) tell(name, message);
console.log(`${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || results.numPassedTests === 0 ? 1 : 0;

/** @type {(what: string, why: string) => void} */
function tell(what, why) {
  console.log(`FAILED ${what}\n${why.slice(0, 4_000)}\n`);
}

/** A test run that died wrote nothing: that counts as one failure. */
function readResults() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  }
}
