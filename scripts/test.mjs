// npm test: build, format, lint, unused code, jest; ends with jest's true totals as one line. Arguments go to jest.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { prepare, root, run } from "./prepare.mjs";

prepare();
const tool = (file, ...args) => run(process.execPath, [path.join(root, "node_modules", file), ...args]);
tool("oxfmt/bin/oxfmt", "--check", ".");
tool("oxlint/bin/oxlint", "--deny-warnings");
tool("knip/bin/knip.js");

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-test-"));
const report = path.join(scratch, "jest.json");
const jest = spawnSync(
  process.execPath,
  [path.join(root, "node_modules/jest/bin/jest.js"), "--json", `--outputFile=${report}`, ...process.argv.slice(2)],
  { cwd: root, stdio: ["inherit", "ignore", "inherit"], env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" } },
);
const totals = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined;
rmSync(scratch, { recursive: true, force: true });
if (!totals) process.exit(jest.status || 1);

// A test file that cannot even be loaded counts as one failed test: jest reports it with none.
const failed = totals.numFailedTests + totals.numRuntimeErrorTestSuites;
console.log(
  `${totals.numPassedTests} passed, ${failed} failed, ${totals.numPendingTests + totals.numTodoTests} skipped`,
);
process.exit(failed > 0 ? 1 : (jest.status ?? 1));
