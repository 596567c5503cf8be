// Prints `N passed, N failed` from the JSON results of vitest: `node .ci/count-tests.mjs FILE`.
import { readFileSync } from "node:fs";

const [file = ""] = process.argv.slice(2);
/** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { name: string, status: string, assertionResults: unknown[] }[] }} */
const results = readResults();

// A file that breaks before its first test has no failed test, yet it failed.
const brokenFiles = results.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
);
const failed = results.numFailedTests + brokenFiles.length;
const skipped = results.numPendingTests + results.numTodoTests;

console.log(`${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || results.numPassedTests === 0 ? 1 : 0;

/** A test run that died wrote nothing: that counts as one failure. */
function readResults() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  }
}
