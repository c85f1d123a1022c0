import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

export type FoundPython = { readonly python: string } | { readonly missing: string };

interface Wanted {
  /** The environment's folder in the cache; names the version. */
  readonly name: string;
  /** Programs that may be the Python it needs, the first that is taken. */
  readonly interpreters: readonly string[];
  /** "3.13", or undefined where any Python 3 will do. */
  readonly version?: string;
  /** What pip is to install. */
  readonly packages: readonly string[];
  readonly installMilliseconds: number;
}

/** A Python environment with pinned packages, made on first use outside the tree; a sentence where it cannot be had. */
export function pythonEnvironment({ name, interpreters, version, packages, installMilliseconds }: Wanted): FoundPython {
  const cache = process.env["CYTOLENS_EMULATOR_CACHE"] ?? path.join(os.homedir(), ".cache", "cytolens-emulator");
  const folder = path.join(cache, name);
  const python = path.join(folder, "bin", "python");
  if (existsSync(python)) return { python };
  const interpreter = interpreters.find((program) => serves(program, version));
  if (interpreter === undefined) return { missing: `Python ${version ?? "3"} with venv is not installed` };
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(path.join(cache, "draft-"));
  try {
    execFileSync(interpreter, ["-m", "venv", draft], { timeout: installMilliseconds, stdio: "ignore" });
    execFileSync(
      path.join(draft, "bin", "python"),
      ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages],
      { timeout: installMilliseconds, stdio: "ignore" },
    );
    // Scripts of a moved environment still name the old folder; `python -m` does not.
    renameSync(draft, folder);
    return { python };
  } catch {
    rmSync(draft, { recursive: true, force: true });
    return existsSync(python)
      ? { python }
      : { missing: `the Python packages of ${name} cannot be installed (no package registry)` };
  }
}

const serves = (program: string, version: string | undefined): boolean =>
  spawnSync(program, [
    "-c",
    `import sys, venv, ensurepip; sys.exit(${version === undefined ? "0" : `"%d.%d" % sys.version_info[:2] != "${version}"`})`,
  ]).status === 0;
