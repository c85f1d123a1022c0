import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Template } from "aws-cdk-lib/assertions";
import { projectRoot } from "../reference";
import { removeScratch, stackOf } from "./synthesized";

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-synth-"));
afterAll(() => {
  removeScratch();
  rmSync(scratch, { recursive: true, force: true });
});

/** Runs what `cdk synth` runs, on a machine with neither Docker nor an account. */
function synth(configuration: unknown, out: string): Promise<{ status: number | null; said: string }> {
  const child = spawn(process.execPath, [path.join(projectRoot, "dist/bin/app.js")], {
    cwd: scratch,
    env: {
      PATH: path.dirname(process.execPath),
      HOME: scratch,
      CDK_OUTDIR: out,
      CDK_CONTEXT_JSON: JSON.stringify({ cytolens: configuration }),
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  return new Promise((resolve) => {
    child.once("close", (status) => resolve({ status, said }));
  });
}

test("the stack as shipped is synthesised, Lambdas bundled, with no Docker and no account", async () => {
  const out = path.join(scratch, "out");
  const { status, said } = await synth({}, out);
  expect([status, status === 0 ? "" : said]).toEqual([0, ""]);
  const template = JSON.parse(readFileSync(path.join(out, "Cytolens.template.json"), "utf8")) as {
    Resources: Record<string, { Type: string; Properties: { Code?: { S3Key?: string } } }>;
  };
  const bundled = Object.values(template.Resources).filter(
    ({ Type, Properties }) => Type === "AWS::Lambda::Function" && Properties.Code?.S3Key,
  ).length;
  expect(bundled).toBeGreaterThanOrEqual(3);
  const card = JSON.parse(readFileSync(path.join(projectRoot, "models/phantom-densenet121-rca/card.json"), "utf8")) as {
    sha256: string;
  };
  const copies = JSON.stringify(
    Object.values(template.Resources).filter(({ Type }) => Type === "Custom::DefaultModel"),
  );
  for (const key of [`models/sha256/${card.sha256}/model.onnx`, "models/names/default.json"])
    expect(copies).toContain(key);
  expect(readdirSync(out).filter((name) => name.startsWith("asset.")).length).toBeGreaterThanOrEqual(4);
}, 180_000);

test("a configuration that cannot be used ends it with the field, the expectation and what came, and with no stack trace", async () => {
  const out = path.join(scratch, "refused");
  const { status, said } = await synth({ compute: { attempts: 11 }, idle: 3 }, out);
  expect(status).toBe(2);
  expect(said).toContain("cytolens.compute.attempts: Too big: expected number to be <=10 but received 11");
  expect(said).toContain('cytolens: Expected only known fields but received "idle"');
  expect(said).not.toContain("    at ");
}, 60_000);

test("an image that is to be built is built for the job's kind, from pinned bases, and warns while it has none", () => {
  for (const kind of ["gpu", "cpu"]) {
    const { app, stack } = stackOf({ imageUri: undefined, compute: { kind } });
    const assembly = app.synth();
    const { dockerImages } = JSON.parse(
      readFileSync(path.join(assembly.directory, `${stack.artifactId}.assets.json`), "utf8"),
    ) as { dockerImages: Record<string, { source: Record<string, unknown> }> };
    const [image] = Object.values(dockerImages);
    expect(image?.source).toMatchObject({
      dockerFile: "containers/worker/Dockerfile",
      dockerBuildTarget: kind,
      platform: "linux/amd64",
      dockerBuildArgs: {
        BASE_IMAGE: expect.stringMatching(/^$|@sha256:[0-9a-f]{64}$/),
        CUDA_LIBRARIES_URL: expect.stringContaining("1.30.0"),
      },
    });
    expect(JSON.stringify(Template.fromStack(stack).toJSON())).toContain("dkr.ecr.");
  }
});

test("the image's context holds what the worker is built from and nothing else", () => {
  const { app } = stackOf({ imageUri: undefined });
  const { directory } = app.synth();
  const [context] = readdirSync(directory)
    .map((name) => path.join(directory, name))
    .filter((folder) => existsSync(path.join(folder, "package-lock.json")));
  expect(
    readdirSync(context ?? "")
      .filter((name) => name !== ".dockerignore")
      .sort(),
  ).toEqual([".npmrc", "bin", "containers", "lib", "package-lock.json", "package.json", "tsconfig.json"]);
});
