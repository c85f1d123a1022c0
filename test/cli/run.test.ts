import { execFile, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Result } from "../../lib/contract/result";
import type { Summary } from "../../lib/contract/summary";
import { drawImage, writeSmallModel } from "../local/small-bucket";
import { projectRoot } from "../reference";

let scratch: string;
const inside = (...names: string[]): string => path.join(scratch, ...names);
beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), "cytolens-run-"));
  await writeSmallModel(inside("model"));
  for (const [name, number] of [
    ["one/a.png", 1],
    ["one/b.png", 2],
    ["two/c.png", 3],
  ] as const) {
    await mkdir(path.dirname(inside("images", name)), { recursive: true });
    await writeFile(inside("images", name), await drawImage(number));
  }
  await writeFile(inside("images", "notes.txt"), "not an image");
  await writeFile(inside("images", ".DS_Store"), "x");
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const command = path.join(projectRoot, "dist/bin/cytolens.js");
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, CYTOLENS_CACHE: inside("cache") });

/** The command as people run it. */
const cytolens = (...words: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [command, ...words], { cwd: scratch, env: environment() }, (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, out, err }),
    );
  });
/** The command, interrupted as soon as it has counted some of 20 images; its exit code. */
function interrupted(words: string[]): Promise<number | null> {
  const child = fork(command, words, { cwd: scratch, env: environment(), stdio: ["ignore", "ignore", "pipe", "ipc"] });
  return new Promise((resolve) => {
    child.stderr!.on("data", (chunk: Buffer) => /of 20 images/.test(chunk.toString()) && child.kill("SIGINT"));
    child.on("close", resolve);
  });
}
const run = (...words: string[]): ReturnType<typeof cytolens> =>
  cytolens("run", ...words, "--model", inside("model"), "--workers", "2");

describe("cytolens run", () => {
  test("takes a folder to a report, and a second time finds nothing left to do", async () => {
    const first = await run(inside("images"), "--out", inside("bucket"), "--labels", "folders");
    expect(first.err).not.toMatch(/\[/);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/3 of 3 images succeeded, 0 failed/);
    expect(first.err).toMatch(/Batch images: 3 images \(\d+\.\d kB\), 2 workers; 1 other file left alone \(1 \.txt\)/);
    const report = path.join(inside("bucket"), "results/images/report.html");
    expect(first.out).toContain(report);
    expect(await readFile(report, "utf8")).toContain("<html");
    expect(
      (await readFile(path.join(inside("bucket"), "results/images/results.csv"), "utf8")).trim().split("\n"),
    ).toHaveLength(4);
    const before = (await stat(report)).mtimeMs;
    const second = await run(inside("images"), "--out", inside("bucket"), "--labels", "folders");
    expect(second.code).toBe(0);
    expect((await stat(report)).mtimeMs).toBe(before);
  }, 120_000);

  test("a later image joins the batch; a bad one fails alone, says why, and the exit code is 1", async () => {
    await writeFile(inside("bad.jpg"), "<html>not an image</html>");
    const { code, out } = await run(
      inside("images"),
      inside("bad.jpg"),
      "--batch",
      "images",
      "--out",
      inside("bucket"),
      "--labels",
      "folders",
      "--json",
    );
    const summary = JSON.parse(out) as Summary;
    expect(code).toBe(1);
    expect(summary.counts).toEqual({ planned: 4, succeeded: 3, failed: 1, skipped: 0 });
    expect(summary.failures).toEqual([
      {
        key: "incoming/images/bad.jpg",
        failure: { code: expect.stringMatching(/^image\./), message: expect.stringMatching(/^Expected/) },
      },
    ]);
    expect(summary.runs.map(({ counts }) => counts.planned)).toEqual([1, 3]);
  }, 120_000);

  test("larger images go tile by tile, with a figure, for a class and by methods of one's choice", async () => {
    const { code, err } = await run(
      inside("images/one"),
      "--out",
      inside("tiles"),
      "--tile-size",
      "48",
      "--figure",
      "--target",
      "two",
      "--methods",
      "gradient,grad-cam,guided-backprop",
      "--mask",
      "otsu",
      "--of",
      "probability",
    );
    expect(err).not.toMatch(/\[/);
    expect(code).toBe(0);
    const table = await readFile(inside("tiles/results/one/results.csv"), "utf8");
    const [header, first] = table
      .trim()
      .split("\r\n")
      .map((line) => line.split(","));
    const result = JSON.parse(await readFile(inside("tiles", first![header!.indexOf("result")]!), "utf8")) as Result;
    expect(result.explanations.map(({ method, target }) => [method, target.className, target.of])).toEqual([
      ["gradient", "two", "probability"],
      ["grad-cam", "two", "probability"],
      ["guided-backprop", "two", "probability"],
    ]);
    expect(result.seen).toEqual({ left: 0, top: 0, width: 80, height: 80 });
    expect(result.prediction.probabilities.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(
      (await readFile(inside("tiles", result.explanations[0]!.map))).subarray(0, 128).toString("latin1"),
    ).toContain("(80, 80)");
    expect((await stat(inside("tiles", result.figure!))).size).toBeGreaterThan(100);
  }, 120_000);

  test("interrupted, it ends with 130, and the same command goes on from there", async () => {
    for (let number = 0; number < 20; number++) {
      await mkdir(inside("many"), { recursive: true });
      await writeFile(inside("many", `${number}.png`), await drawImage(number));
    }
    const words = ["run", inside("many"), "--out", inside("interrupted"), "--model", inside("model"), "--workers", "1"];
    expect(await interrupted(words)).toBe(130);
    const second = await cytolens(...words, "--json");
    expect(second.code).toBe(0);
    expect((JSON.parse(second.out) as Summary).counts).toEqual({ planned: 20, succeeded: 20, failed: 0, skipped: 0 });
  }, 120_000);

  test("with other settings after an interruption, it waits for what it was asked for, and counts that alone", async () => {
    await mkdir(inside("some"), { recursive: true });
    for (let number = 0; number < 20; number++)
      await writeFile(inside("some", `${number}.png`), await drawImage(number));
    const words = ["run", inside("some"), "--out", inside("changed"), "--model", inside("model"), "--workers", "1"];
    expect(await interrupted(words)).toBe(130);
    const changed = await cytolens(...words, "--methods", "gradient");
    expect(changed.code).toBe(0);
    expect(changed.out).toMatch(/20 of 20 images succeeded/);
    const counted = [...changed.err.matchAll(/(\d+) of (\d+) images,/g)].map(([, done, total]) =>
      [done, total].map(Number),
    );
    expect(counted.at(-1)).toEqual([20, 20]);
    const { runs } = JSON.parse(await readFile(inside("changed/results/some/summary.json"), "utf8")) as Summary;
    expect(runs).toMatchObject([
      { counts: { planned: 20, succeeded: 20, skipped: 0 } },
      { counts: { planned: 20, failed: 0 } },
    ]);
    expect(runs[1]!.counts.skipped).toBeGreaterThan(0);
  }, 120_000);

  test("links are followed, what cannot be read is a failed line with its reason, and the batch goes on", async () => {
    await mkdir(inside("links"));
    await symlink("../images/one/a.png", inside("links/a.png"));
    await symlink("../images/two", inside("links/folder"));
    await symlink("gone.png", inside("links/absent.png"));
    await writeFile(Buffer.concat([Buffer.from(inside("links/latin1-")), Buffer.from([0xe9])]), await drawImage(1));
    await symlink("..", inside("links/up"));
    const { code, out, err } = await run(inside("links"), "--out", inside("followed"), "--labels", "folders");
    expect(err).toMatch(/Batch links: 4 images/);
    expect(err).toMatch(/Not followed, .*: up\n/);
    expect(err).toMatch(/2 files cannot be read and will fail by name: absent\.png, latin1-%E9\n/);
    expect(out).toMatch(/2 of 4 images succeeded, 2 failed/);
    expect(out).toMatch(/failed: absent\.png: Expected a file but received a link to gone\.png, which is not there/);
    expect(code).toBe(1);
    const table = await readFile(inside("followed/results/links/results.csv"), "utf8");
    expect(table.match(/image\.unreadable/g)).toHaveLength(2);
    expect(table).toMatch(/folder\/c\.png/);
  }, 120_000);

  test("a dry run lists what would be done and what would not, and does nothing", async () => {
    const words = [inside("images"), "--out", inside("dry"), "--exclude", "two"];
    const { code, out } = await run(...words, "--dry-run");
    expect(code).toBe(0);
    expect(out).toMatch(/Batch images: 2 images \(.*1 other file left alone/);
    expect(out).toMatch(/Left out by --exclude: two\n/);
    expect(out).toMatch(/^ {2}one\/a\.png {2}\(\d+ bytes, .*one\/a\.png\)$/m);
    expect(out).toMatch(/Nothing was done/);
    expect(existsSync(inside("dry"))).toBe(false);
    const { files } = JSON.parse((await run(...words, "--dry-run", "--json")).out) as { files: { to: string }[] };
    expect(files.map(({ to }) => to)).toEqual(["one/a.png", "one/b.png"]);
  }, 60_000);

  test.each<[string, string[], number, RegExp]>([
    [
      "no such folder",
      ["run", "nowhere"],
      2,
      /Expected a folder of images or an image at nowhere .*\[run\.not-found\]/,
    ],
    ["no images", ["run", "model", "--out", "x"], 2, /Expected at least one image/],
    [
      "an unknown method",
      ["run", "images", "--out", "x", "--methods", "gradcam"],
      2,
      /Unknown method "gradcam"; did you mean grad-cam\?/,
    ],
    [
      "a method like none",
      ["run", "images", "--out", "x", "--methods", "xyz"],
      2,
      /Unknown method "xyz"; expected one of gradient, /,
    ],
    [
      "no such model",
      ["run", "images", "--out", "x", "--model", "./none.onnx"],
      2,
      /Expected an ONNX file or a model folder/,
    ],
    [
      "a name no one published",
      ["run", "images", "--out", "x", "--model", "nobody"],
      2,
      /"nobody".*\[model\.unknown\]/,
    ],
    ["an unknown class", ["run", "images", "--out", "x", "--model", "model", "--target", "nine"], 2, /one, two, three/],
    ["an unknown command", ["frobnicate"], 2, /unknown command/],
    ["an unknown flag", ["run", "images", "--frobnicate"], 2, /unknown option/],
    ["help", ["--help"], 0, /^$/],
  ])(
    "%s",
    async (_label, words, code, sentence) => {
      const ended = await cytolens(...words);
      expect(ended.err).toMatch(sentence);
      expect(ended.err).not.toMatch(/\n {4}at /);
      expect(ended.code).toBe(code);
    },
    60_000,
  );
});
