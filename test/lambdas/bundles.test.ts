import { mkdtempSync, rmSync, statSync } from "node:fs";
import { spawnSync } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { build, type BuildOptions } from "esbuild";
import { bundling } from "../../lib/infrastructure/pipeline-function";
import { projectRoot } from "../reference";

const out = mkdtempSync(path.join(os.tmpdir(), "cytolens-bundles-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

const largestBytes = 2_000_000;
/** Native modules, what only the worker needs, and what would drag the CDK along. */
const unwanted =
  /node_modules\/(onnxruntime|sharp|@img|aws-cdk-lib|constructs|commander)|lib\/(imaging\/(loaders|decod|prepare|overlay|thumbnail)|inference\/|onnx\/|autodiff\/|infrastructure\/|cli\/)/;

describe.each(["plan", "collect", "reconcile"])("the bundle of lambdas/%s", (name) => {
  const outfile = path.join(out, `${name}.js`);

  test("holds neither onnxruntime nor sharp, transitively, and stays below 2 MB", async () => {
    const { minify, keepNames, mainFields } = bundling;
    const { metafile } = await build({
      entryPoints: [path.join(projectRoot, `lambdas/${name}/handler.ts`)],
      outfile,
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      minify,
      keepNames,
      mainFields: [...mainFields],
      metafile: true,
      logLevel: "silent",
      absWorkingDir: projectRoot,
    } satisfies BuildOptions);
    expect(Object.keys(metafile.inputs).filter((input) => unwanted.test(input))).toEqual([]);
    expect(Object.keys(metafile.inputs).some((input) => input.includes("@aws-sdk/client-s3"))).toBe(true);
    const outside = Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.filter(({ external }) => external).map(({ path: module }) => module),
    );
    expect(
      outside.filter(
        (module) =>
          !/^(node:)?(assert|async_hooks|buffer|child_process|crypto|dns|events|fs|fs\/promises|http|http2|https|module|net|os|path|perf_hooks|process|stream|stream\/promises|stream\/web|string_decoder|timers|timers\/promises|tls|url|util|v8|vm|worker_threads|zlib)$/.test(
            module,
          ),
      ),
    ).toEqual([]);
    expect(statSync(outfile).size).toBeLessThan(largestBytes);
  });

  test("loads by itself, with nothing installed around it, and exports the handler", () => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["-p", `typeof require(${JSON.stringify(outfile)}).handler`],
      { cwd: out, encoding: "utf8", env: { AWS_REGION: "eu-west-1" } },
    );
    expect([stdout.trim(), stderr.replace(/\(node:\d+\)[\s\S]*/, "")]).toEqual(["function", ""]);
  });
});
