import { type ChildProcess, fork } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Summary } from "../../lib/contract/summary";
import { drawImage, writeSmallModel } from "../local/small-bucket";
import { projectRoot } from "../reference";

let scratch: string;
let child: ChildProcess;
let said = "";
const inside = (...names: string[]): string => path.join(scratch, ...names);
beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), "cytolens-watch-"));
  await writeSmallModel(inside("model"));
  for (const number of [1, 2, 3]) await writeFile(inside(`${number}.png`), await drawImage(number));
  child = fork(
    path.join(projectRoot, "dist/bin/cytolens.js"),
    ["watch", inside("bucket"), "--idle", "1", "--model", inside("model"), "--workers", "1"],
    {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, CYTOLENS_CACHE: inside("cache") },
    },
  );
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  while (!said.includes("Watching")) await pause(50);
}, 60_000);
afterAll(async () => {
  const gone = new Promise((resolve) => {
    child.once("close", resolve);
  });
  child.kill("SIGTERM");
  await gone;
  await rm(scratch, { recursive: true, force: true });
}, 60_000);

const drop = async (batch: string, name: string, file: string): Promise<void> => {
  await mkdir(inside("bucket/incoming", batch), { recursive: true });
  await copyFile(inside(file), inside("bucket/incoming", batch, name));
};

async function summaryWith(batch: string, wanted: (summary: Summary) => boolean): Promise<Summary> {
  for (;;) {
    const text = await readFile(inside("bucket/results", batch, "summary.json"), "utf8").catch(() => undefined);
    const summary = text === undefined ? undefined : (JSON.parse(text) as Summary);
    if (summary && wanted(summary)) return summary;
    if (child.exitCode !== null) throw new Error(`watch ended: ${said}`);
    await pause(100);
  }
}

describe("cytolens watch", () => {
  test("works on files copied into a batch once it is still, and on a later one by itself", async () => {
    await drop("monday", "a.png", "1.png");
    await drop("monday", "sub folder/b.png", "2.png").catch(async () => {
      await mkdir(inside("bucket/incoming/monday/sub folder"), { recursive: true });
      await copyFile(inside("2.png"), inside("bucket/incoming/monday/sub folder/b.png"));
    });
    expect((await summaryWith("monday", ({ counts }) => counts.planned === 2)).counts).toEqual({
      planned: 2,
      succeeded: 2,
      failed: 0,
      skipped: 0,
    });
    await drop("monday", "c.png", "3.png");
    const later = await summaryWith("monday", ({ counts }) => counts.planned === 3);
    expect(later.runs.map(({ counts }) => counts.planned)).toEqual([1, 2]);
  }, 120_000);

  test("a batch.json that cannot be used is answered at once, and mended is taken", async () => {
    await mkdir(inside("bucket/incoming/tuesday"), { recursive: true });
    await writeFile(inside("bucket/incoming/tuesday/batch.json"), '{ "model": "nobody" }');
    expect((await summaryWith("tuesday", ({ status }) => status === "rejected")).rejection).toMatchObject({
      code: "model.unknown",
    });
    await writeFile(inside("bucket/incoming/tuesday/batch.json"), '{ "methods": ["grad-cam"] }');
    await drop("tuesday", "a.png", "1.png");
    await drop("tuesday", "_READY", "1.png");
    expect(await summaryWith("tuesday", ({ status }) => status === "complete")).toMatchObject({
      counts: { succeeded: 1 },
    });
  }, 120_000);
});
