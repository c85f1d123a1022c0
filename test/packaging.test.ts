import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { encodePng } from "../lib/imaging/drawing/overlay";
import { phantomField } from "../lib/phantom/phantom";
import { projectRoot } from "./reference";

interface PackedFile {
  readonly path: string;
  readonly size: number;
}

const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const inShell = process.platform === "win32";
const run = promisify(execFile);

/** Whether packages can be had at all: without a registry the installation is listed as skipped. */
function registryAnswers(): boolean {
  try {
    execFileSync(npm, ["view", "zod@4.6.7", "version", "--fetch-retries=0", "--fetch-timeout=10000"], {
      stdio: "ignore",
      timeout: 20_000,
      shell: inShell,
    });
    return true;
  } catch {
    return false;
  }
}

let scratch: string;
let tarball: string;
let files: readonly PackedFile[];

beforeAll(() => {
  scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-packaging-"));
  const told = execFileSync(npm, ["pack", "--ignore-scripts", "--json", "--pack-destination", scratch], {
    cwd: projectRoot,
    encoding: "utf8",
    shell: inShell,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [packed] = JSON.parse(told) as { filename: string; files: PackedFile[] }[];
  tarball = path.join(scratch, packed!.filename);
  files = packed!.files;
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("the tarball holds what a user runs and reads, and nothing else", () => {
  const names = files.map((file) => file.path);
  const expected = [
    "package.json",
    "LICENSE",
    "README.md",
    "dist/bin/cytolens.js",
    "dist/lib/index.js",
    "dist/lib/index.d.ts",
    "dist/lib/imaging/preparing/decode-process.js",
    "dist/containers/worker/main.js",
  ];
  expect(names).toEqual(expect.arrayContaining(expected));
  expect(
    names.filter(
      (name) =>
        !/^(package\.json|LICENSE|README\.md|dist\/(bin|lib|containers)\/.*\.(js|d\.ts)|models\/.+|docs\/[^/]+\.md|docs\/schemas\/[^/]+\.json)$/.test(
          name,
        ),
    ),
  ).toEqual([]);
  expect(
    names.filter((name) =>
      /(^|\/)(test|bench|fixtures|scripts|infrastructure|lambdas)\/|\.map$|\.ts$(?<!\.d\.ts)/.test(name),
    ),
  ).toEqual([]);
});

test("models and schemas of the repository are in the tarball, every one", () => {
  const tracked = execFileSync("git", ["ls-files", "models", "docs/schemas"], { cwd: projectRoot, encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
  expect(files.map((file) => file.path)).toEqual(expect.arrayContaining(tracked));
});

test("the tarball is small: code below 1 MB, and models of a few MB at most", () => {
  const models = files.filter((file) => file.path.startsWith("models/")).reduce((sum, { size }) => sum + size, 0);
  expect(models).toBeLessThan(12e6);
  expect(statSync(tarball).size - models).toBeLessThan(1e6);
});

test("what the manifest points at is there", () => {
  const manifest = JSON.parse(readFileSync(path.join(projectRoot, "package.json"), "utf8")) as {
    bin: Record<string, string>;
    main: string;
    types: string;
    exports: Record<string, string | Record<string, string>>;
  };
  const targets = [
    ...Object.values(manifest.bin),
    manifest.main,
    manifest.types,
    ...Object.values(manifest.exports).flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry))),
  ];
  for (const target of targets) expect(files.map((file) => file.path)).toContain(target.replace(/^\.\//, ""));
});

if (!registryAnswers()) {
  test.skip("installed in an empty folder (skipped: no package registry answers)", () => expect(npm).toBeDefined());
} else {
  describe("installed in an empty folder", () => {
    let folder: string;
    const node = (words: readonly string[]) => run(process.execPath, words, { cwd: folder });
    const cytolens = (words: readonly string[]) =>
      run(npm, ["exec", "--offline", "--", "cytolens", ...words], {
        cwd: folder,
        shell: inShell,
        env: { ...process.env, XDG_CACHE_HOME: path.join(folder, "cache") },
      });

    beforeAll(async () => {
      folder = path.join(scratch, "newcomer");
      mkdirSync(folder);
      writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "newcomer", private: true }));
      await run(npm, ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", tarball], {
        cwd: folder,
        shell: inShell,
      });
    }, 300_000);

    const uses =
      'console.log(typeof loadModel, typeof explain, typeof differentiate, typeof integratedGradients, new ImageError("image.empty", "m") instanceof CytolensError);';
    const names = "loadModel, explain, differentiate, integratedGradients, ImageError, CytolensError";

    test("it is imported by ES modules and by CommonJS, and by no other path", async () => {
      writeFileSync(path.join(folder, "esm.mjs"), `import { ${names} } from "cytolens"; ${uses}`);
      writeFileSync(path.join(folder, "cjs.cjs"), `const { ${names} } = require("cytolens"); ${uses}`);
      for (const file of ["esm.mjs", "cjs.cjs"])
        expect((await node([file])).stdout).toBe("function function function function true\n");
      await expect(node(["-e", 'require("cytolens/dist/lib/index.js")'])).rejects.toThrow(
        "ERR_PACKAGE_PATH_NOT_EXPORTED",
      );
    });

    test("its types satisfy a strict program that checks libraries and has no types of Node's", async () => {
      writeFileSync(
        path.join(folder, "typed.mts"),
        `
        import { loadModel, gradCam, type Attribution, type Target } from "cytolens";
        export const map = ({ map }: Attribution): Float32Array => map;
        const target: Target = { classIndex: 0, of: "logit" };
        export const classify = async (file: string): Promise<readonly number[]> => (await (await loadModel(file)).predict([new Float32Array(3)])).map(({ classIndex }) => classIndex);
        export const cam = async (file: string): Promise<number> => (await gradCam((await loadModel(file)).layerGradient(target), new Float32Array(3), [3, 1, 1])).signed.height;
        // @ts-expect-error: a target says which output it is of
        export const wrong: Target = { classIndex: 0 };`,
      );
      writeFileSync(
        path.join(folder, "tsconfig.json"),
        JSON.stringify({
          compilerOptions: { strict: true, module: "node16", target: "es2023", noEmit: true, types: [] },
          files: ["typed.mts"],
        }),
      );
      await node([path.join(projectRoot, "node_modules/typescript/bin/tsc"), "-p", folder]).catch(
        (error: { stdout: string }) => {
          throw new Error(error.stdout);
        },
      );
    });

    test("its command says what it can do, and runs the whole pipeline on an image", async () => {
      expect((await cytolens(["--help"])).stdout).toMatch(/Usage: cytolens[^]*\brun\b[^]*\bexplain\b[^]*\bdoctor\b/);
      writeFileSync(
        path.join(folder, "cell.png"),
        await encodePng(phantomField({ className: "Parabasal", seed: 1, index: 0, size: 224 })),
      );
      const { stdout } = await cytolens([
        "run",
        "cell.png",
        "--out",
        "bucket",
        "--batch",
        "first",
        "--methods",
        "grad-cam",
      ]);
      expect(stdout).toContain("1 of 1 images succeeded, 0 failed, 0 were skipped.");
      expect(readdirSync(path.join(folder, "bucket/results/first")).sort()).toEqual(
        expect.arrayContaining(["report.html", "results.csv", "summary.json"]),
      );
    }, 120_000);
  });
}
