// npm run test:localstack: the contract tests of storage, queues and notices against LocalStack without Docker; see docs/emulators.md.
// Needs Python 3.13 with venv, and PyPI on the first run. CYTOLENS_EMULATOR_LOG=<file> keeps what LocalStack says. Arguments go to jest.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const { localstackPython } = await import("../dist/test/emulator/localstack.js");
console.log("Looking for LocalStack 4.14.0; the first time it is installed, which takes a minute.");
const found = localstackPython();
if ("missing" in found) {
  console.log(`Skipped: ${found.missing}. Nothing was tested.`);
  process.exit(0);
}
const { status } = spawnSync(
  process.execPath,
  [
    path.join(root, "node_modules/jest/bin/jest.js"),
    "--verbose",
    "--testMatch",
    "**/dist/test/emulator/localstack.on-demand.js",
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: "inherit", env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" } },
);
process.exit(status ?? 1);
