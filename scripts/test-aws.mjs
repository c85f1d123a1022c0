// npm run test:aws: deploys the stack into an emulated account, uploads images and injects faults; see docs/emulators.md.
// Needs Python 3 with venv, and PyPI on the first run. CYTOLENS_EMULATOR_LOG=<file> keeps what the emulator and the jobs say.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const folders = ["dist/test/emulator", "dist/test/storage/s3-store", "dist/test/lambdas", "dist/test/aws"];
const { status } = spawnSync(
  process.execPath,
  [path.join(root, "node_modules/jest/bin/jest.js"), "--verbose", ...folders, ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  },
);
process.exit(status ?? 1);
