// Installs and builds what is missing. Needs nothing but Node, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Runs a command in the project's root and ends this process with its status when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Whether every package the lock file asks for is installed at that version (npm keeps its own list in node_modules). */
function installed() {
  const list = path.join(root, "node_modules/.package-lock.json");
  if (!existsSync(list)) return false;
  const wanted = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")).packages;
  const present = JSON.parse(readFileSync(list, "utf8")).packages;
  return Object.entries(wanted).every(
    ([folder, { version, optional }]) => folder === "" || optional || present[folder]?.version === version,
  );
}

function installMissing() {
  if (installed()) return;
  run(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    shell: process.platform === "win32",
  });
}

/** Removes compiled files whose source is gone, so that a deleted test cannot go on running. */
function removeOrphans(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) removeOrphans(full);
    else if (/\.(js|d\.ts|js\.map)$/.test(entry.name)) {
      const source = path
        .join(root, path.relative(path.join(root, "dist"), full))
        .replace(/\.(js|d\.ts|js\.map)$/, ".ts");
      if (!existsSync(source)) rmSync(full);
    }
  }
}

export function prepare() {
  installMissing();
  run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc")]);
  removeOrphans(path.join(root, "dist"));
  // npx links the command once and remembers it: a fresh build has to be executable by itself.
  chmodSync(path.join(root, "dist/bin/cytolens.js"), 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) prepare();
