// Adds up jest's JSON reports (the files given) and prints one line: N passed, N failed, N skipped.
// A file that could not run at all counts as one failure. No report counts as one too: then nothing was tested.

import { existsSync, readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0, skipped: 0 };
const reports = process.argv.slice(2).filter((file) => existsSync(file));
if (reports.length === 0) total.failed = 1;
for (const file of reports) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
  total.skipped += report.numPendingTests + report.numTodoTests;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
