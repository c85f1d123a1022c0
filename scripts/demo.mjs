// npm run demo: installs and builds what is missing, draws a small batch of synthetic smears, and runs the whole pipeline on it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();

const folder = path.resolve(process.argv[2] ?? path.join(root, "demo-bucket"));
const phantoms = mkdtempSync(path.join(os.tmpdir(), "cytolens-demo-"));
const command = path.join(root, "dist/bin/cytolens.js");
const cytolens = (words, options = {}) =>
  spawnSync(process.execPath, [command, ...words], {
    stdio: "inherit",
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
    ...options,
  });

const began = Date.now();
let run;
try {
  console.log("Drawing synthetic Pap-smear fields of five classes …");
  const drawn = cytolens(["phantom", "--out", phantoms, "--count", "3", "--size", "512", "--seed", "2026"], {
    stdio: ["inherit", "ignore", "inherit"],
  });
  if (drawn.status !== 0) process.exit(drawn.status ?? 1);
  run = cytolens(["run", path.join(phantoms, "images"), "--out", folder, "--batch", "demo", "--labels", "folders"]);
} finally {
  rmSync(phantoms, { recursive: true, force: true });
}

const card = path.join(folder, "results/demo/summary.json");
if (existsSync(card)) {
  const { model } = JSON.parse(readFileSync(card, "utf8"));
  console.log(`Model:   ${model.card.title}. ${model.card.intendedUse}`);
}
console.log(`Done in ${((Date.now() - began) / 1000).toFixed(0)} s. Next:
  open ${path.join(folder, "results/demo/report.html")} in a browser
  npx cytolens run <your folder of images> --out <bucket folder>
  npx cytolens watch ${path.relative(process.cwd(), folder) || "."}      and copy images into ${path.join(path.relative(process.cwd(), folder), "incoming", "<batch>")}
  npx cytolens explain <model.onnx> <image> --method integrated-gradients`);
process.exit(run?.status ?? 1);
