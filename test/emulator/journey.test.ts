import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { BatchName } from "../../lib/contract/names";
import { csvKey, reportKey } from "../../lib/contract/object-keys";
import { initializeWeights } from "../../lib/networks/initialize";
import { networkNamed } from "../../lib/networks/catalogue";
import { writeModelFolder } from "../../lib/networks/model-folder";
import { writeModel } from "../../lib/onnx/write-model";
import { BucketContents, eventually, picture } from "./bucket-contents";
import { deployCloud, type Cloud } from "./cloud";
import { emulatorPython } from "./ministack";
import { subscribe } from "./inbox";

/**
 * The whole journey in an emulated account: the stack as the CDK deploys it, images uploaded as a lab would, results in the bucket through
 * S3 → SQS → Lambda → Batch → EventBridge → Lambda, under the roles' own policies; and what may go wrong on the way.
 */
const found = emulatorPython();
const name = (text: string): BatchName => text as BatchName;
const may = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "allowed",
    (error: Error) => error.name,
  );
const quick = { methods: ["gradient"] };

("python" in found ? describe : describe.skip)(
  `a lab's account${"missing" in found ? ` (skipped: ${found.missing})` : ""}`,
  () => {
    let scratch: string;
    let cloud: Cloud;
    let lab: BucketContents;
    let images: Record<string, Uint8Array>;

    beforeAll(async () => {
      scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-journey-"));
      const network = networkNamed("densenet121-mini", { classes: 3, size: 64 });
      await writeModelFolder(path.join(scratch, "model"), writeModel(network.build(initializeWeights(network, 1))), {
        name: "mini",
        title: "Untrained",
        classes: ["a", "b", "c"],
        input: { height: 64, width: 64 },
        data: { description: "none" },
      });
      images = Object.fromEntries(
        await Promise.all(
          ["one.png", "two words + more.png", "prüfung/drei%2B.png"].map(
            async (file, number) => [file, await picture(number)] as const,
          ),
        ),
      );
      cloud = await deployCloud((found as { python: string }).python, {
        compute: { kind: "cpu", attempts: 3 },
        // Pulled under the execution role, whose policies the emulator applies.
        imageUri: "000000000000.dkr.ecr.eu-west-1.amazonaws.com/worker:ci",
        idleWindowSeconds: 10,
        reconcileMinutes: 1,
      });
      lab = new BucketContents(cloud.endpoint, cloud.bucket, cloud.hintsQueueUrl);
    }, 240_000);

    afterAll(async () => {
      lab?.close();
      await cloud?.stop();
      rmSync(scratch, { recursive: true, force: true });
    });

    const jobsOf = async (run: string): Promise<Record<string, unknown>[]> =>
      ((await cloud.inject({}))["jobs"] as Record<string, unknown>[]).filter(({ jobName }) =>
        String(jobName).startsWith(run),
      );
    const cytolens = (...words: string[]): Promise<string> =>
      cloud.cytolens([...words, "--bucket", cloud.bucket, "--json"]);
    const running = (): Promise<true | undefined> =>
      eventually(async () => (Number((await cloud.inject({}))["running"]) > 0 ? true : undefined), 30);
    const complete = { status: "complete", counts: { planned: 3, succeeded: 3, failed: 0, skipped: 0 } };

    test("an alarm may publish to the topic that people subscribe to", async () => {
      expect(await cloud.alarmsMayPublish(cloud.outputs["NoticesTopic"] ?? "")).toBe(true);
    });

    test("the first upload after a deploy comes back classified and explained, and people are told", async () => {
      const inbox = await subscribe(cloud.endpoint, cloud.outputs["NoticesTopic"] ?? "");
      await lab.upload(name("first"), images, { settings: quick });
      expect(await lab.finished(name("first"))).toMatchObject({ ...complete, model: { name: "default" } });
      const results = await lab.keys("results/first/");
      for (const file of [
        "/result.json",
        "/gradient.overlay.png",
        "/gradient.heatmap.png",
        "/gradient.map.npy",
        "/thumbnail.jpg",
      ]) {
        expect(results.filter((key) => key.endsWith(file))).toHaveLength(3);
      }
      expect(results).toEqual(expect.arrayContaining([csvKey(name("first")), reportKey(name("first"))]));
      const [ended] = await jobsOf((await lab.finished(name("first"))).run ?? "none");
      const attempts = ended?.["attempts"] as { startedAt: number; stoppedAt: number }[];
      const took = attempts.reduce((sum, { startedAt, stoppedAt }) => sum + (stoppedAt - startedAt) / 1000, 0);
      expect((await lab.finished(name("first"))).machineSeconds).toBeCloseTo(took, 3);
      expect((await inbox.next()).message).toContain("3 of 3 images succeeded");
      inbox.close();
    }, 120_000);

    test("nothing the pipeline wrote is taken for an upload, and an event that comes twice changes nothing", async () => {
      const before = await lab.keys("");
      const key = encodeURIComponent("incoming/first/one.png");
      for (let copy = 0; copy < 3; copy++) await lab.hint(JSON.stringify({ Records: [{ s3: { object: { key } } }] }));
      await lab.hint("this is no message of S3's");
      await lab.upload(name("after-poison"), images, { settings: quick });
      expect(await lab.finished(name("after-poison"))).toMatchObject(complete);
      const first = await lab.finished(name("first"));
      expect(first.runs).toHaveLength(1);
      expect((await lab.keys("results/first/")).length).toBe(
        before.filter((found) => found.startsWith("results/first/")).length,
      );
      expect(
        (await lab.keys("runs/"))
          .map((found) => found.split("/")[1])
          .filter((batch) => !["first", "after-poison", "reconciler.json"].includes(batch ?? "")),
      ).toEqual([]);
    }, 120_000);

    test("a batch without _READY is planned once it is still, and an image that comes later makes a second run of that image alone", async () => {
      const [[first, body] = ["", Buffer.alloc(0)], ...rest] = Object.entries(images);
      await lab.upload(name("still"), Object.fromEntries(rest), { settings: quick, ready: false });
      expect((await lab.finished(name("still"))).counts.succeeded).toBe(2);
      await lab.upload(name("still"), { [first]: body }, { ready: false });
      const both = await lab.finished(name("still"), ({ runs }) => runs.length === 2);
      expect(both).toMatchObject({
        ...complete,
        runs: [{ counts: { planned: 1, succeeded: 1 } }, { counts: { planned: 2, succeeded: 2 } }],
      });
    }, 180_000);

    test("a bad image is recorded, the others are done", async () => {
      await lab.upload(name("mixed"), { ...images, "page.jpg": Buffer.from("<html>") }, { settings: quick });
      const summary = await lab.finished(name("mixed"));
      expect(summary).toMatchObject({
        status: "complete-with-failures",
        counts: { planned: 4, succeeded: 3, failed: 1, skipped: 0 },
      });
      expect(summary.failures[0]).toMatchObject({
        key: "incoming/mixed/page.jpg",
        failure: { code: expect.stringMatching(/^image\./) },
      });
    }, 120_000);

    test("an unknown model is refused at once, readably, and nothing is dispatched", async () => {
      await lab.upload(name("unknown"), images, { settings: { ...quick, model: "no-such-model" } });
      const summary = await lab.finished(name("unknown"));
      expect(summary.status).toBe("rejected");
      expect(summary.rejection?.message).toContain("no-such-model");
      expect((await lab.keys("runs/unknown/")).filter((key) => key.includes("/dispatch/"))).toEqual([]);
    }, 120_000);

    test("Spot takes the machines away in mid-run, and memory runs out: the shard is tried again, no image is lost or counted twice", async () => {
      for (const [batch, fault] of [
        ["reclaimed", { reclaim: true }],
        ["noticed", { reclaim: "with-notice" }],
        ["starved", { outOfMemory: true }],
      ] as const) {
        await lab.upload(name(batch), images, { settings: quick });
        expect(await running()).toBe(true);
        await cloud.inject(fault);
        const summary = await lab.finished(name(batch));
        expect([batch, summary]).toEqual([batch, expect.objectContaining(complete)]);
        expect((await jobsOf(summary.run ?? ""))[0]).toMatchObject({
          status: "SUCCEEDED",
          attempts: [expect.anything(), expect.anything()],
        });
      }
    }, 300_000);

    test("what Spot has no machines for is dispatched once more, on demand", async () => {
      const reason = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - no instance to be had";
      const inbox = await subscribe(cloud.endpoint, cloud.outputs["NoticesTopic"] ?? "");
      await cloud.inject({ blocked: reason });
      await lab.upload(name("scarce"), images, { settings: quick });
      await eventually(
        async () =>
          (await lab.keys("runs/scarce/")).some((key) => key.endsWith("/dispatch/0-0.json")) ? true : undefined,
        60,
      );
      const status = await eventually(async () => {
        const said = await cytolens("status", "scarce");
        return said.includes(reason) ? said : undefined;
      }, 30);
      expect(JSON.parse(status ?? "{}")).toMatchObject({
        stage: "planned",
        runs: [{ jobs: [{ state: "waiting", reason }] }],
      });
      await cloud.inject({ timeLimitsPass: true, blocked: null });
      const summary = await lab.finished(name("scarce"));
      const told = await inbox.next();
      expect(told.message).toContain(reason);
      expect(told.message).toContain("runbook.md#blocked-jobs");
      inbox.close();
      expect(summary).toMatchObject({
        ...complete,
        attempts: { dispatches: 2, notes: [reason] },
      });
      const queues = (await jobsOf(summary.run ?? "")).map(({ jobQueue, status }) => [
        String(jobQueue).includes("OnDemand"),
        status,
      ]);
      expect(queues).toEqual([
        [false, "FAILED"],
        [true, "SUCCEEDED"],
      ]);
    }, 180_000);

    test("SubmitJob is throttled, then its answer is lost: one job all the same", async () => {
      await cloud.inject({ next: { refuseSubmissions: 2, loseAnswers: 1 } });
      await lab.upload(name("ambiguous"), images, { settings: quick });
      const summary = await lab.finished(name("ambiguous"));
      expect(summary).toMatchObject({ ...complete, attempts: { dispatches: 1 } });
      expect(await jobsOf(summary.run ?? "")).toHaveLength(1);
    }, 120_000);

    test("the end of a job is told three times: one summary", async () => {
      await cloud.inject({ next: { repeatEvents: 1 } });
      await lab.upload(name("told-thrice"), images, { settings: quick });
      expect(await lab.finished(name("told-thrice"))).toMatchObject(complete);
    }, 120_000);

    test("the end of a job is never told", async () => {
      await cloud.inject({ next: { loseEvents: 1 } });
      await lab.upload(name("untold"), images, { settings: quick });
      const run = await eventually(
        async () =>
          (await lab.keys("runs/untold/"))
            .map((key) => /^runs\/untold\/([0-9a-f]{16})\/dispatch\//.exec(key)?.[1])
            .find((found) => found !== undefined),
        60,
      );
      expect(
        await eventually(async () => (await jobsOf(run ?? "none")).find(({ status }) => status === "SUCCEEDED"), 60),
      ).toBeDefined();
    }, 150_000);

    test("the command line publishes a model, submits a folder and tells how far it is", async () => {
      const slides = path.join(scratch, "slides 1");
      for (const [file, body] of Object.entries(images)) {
        mkdirSync(path.dirname(path.join(slides, file)), { recursive: true });
        writeFileSync(path.join(slides, file), body);
      }
      expect(
        JSON.parse(await cytolens("model", "publish", path.join(scratch, "model"), "--as", "other")),
      ).toMatchObject({ names: ["mini", "other"] });
      await expect(cytolens("submit", slides, "--model", "absent")).rejects.toThrow(
        /Expected a model published in s3:/,
      );
      expect(JSON.parse(await cytolens("submit", slides, "--model", "other", "--methods", "gradient"))).toMatchObject({
        batch: "slides 1",
        uploaded: 3,
        complete: true,
      });
      expect(await lab.finished(name("slides 1"))).toMatchObject({ ...complete, model: { name: "other" } });
      expect(JSON.parse(await cytolens("status", "slides 1"))).toMatchObject({
        stage: "done",
        runs: [{ counts: { succeeded: 3 }, jobs: [{ state: "succeeded" }] }],
      });
      expect(
        JSON.parse(await cytolens("submit", slides, "--model", "other", "--methods", "gradient", "--no-ready")),
      ).toMatchObject({ uploaded: 0, thereAlready: 3 });
    }, 120_000);

    test("a training runs on Batch, survives a reclaim, and leaves its model where a person can publish it", async () => {
      const data = path.join(scratch, "cells");
      for (const [label, offset] of [
        ["round", 0],
        ["spindle", 1],
      ] as const) {
        mkdirSync(path.join(data, label), { recursive: true });
        for (let i = 0; i < 12; i++) writeFileSync(path.join(data, label, `${i}.png`), await picture(3 * i + offset));
      }
      const flags = ["--network", "densenet121-mini", "--size", "32", "--epochs", "16", "--batch", "8"];
      const { training } = JSON.parse(await cytolens("train", data, "--out", "cells-1", ...flags, "--on-batch")) as {
        training: string;
      };
      expect(training).toBe("cells-1");
      expect(await running()).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      await cloud.inject({ reclaim: true });
      const model = await eventually(
        async () => (await lab.keys("training/cells-1/run/")).find((key) => key.endsWith("model.onnx")),
        120,
      );
      expect(model).toBe("training/cells-1/run/model.onnx");
      const ended = await eventually(
        async () => (await jobsOf("train-cells-1")).find(({ status }) => status === "SUCCEEDED"),
        30,
      );
      expect(ended).toMatchObject({ attempts: [expect.anything(), expect.anything()] });
      expect(JSON.parse(await lab.text("training/cells-1/run/card.json"))).toMatchObject({
        classes: ["round", "spindle"],
      });
    }, 240_000);

    test("a job's credentials do what its role says and no more", async () => {
      const worker = await cloud.actingAs("WorkerRole");
      const at = (Key: string): { Bucket: string; Key: string } => ({ Bucket: cloud.bucket, Key });
      await lab.upload(name("own"), { "one.png": await picture(1) }, { ready: false });
      expect(await may(worker.send(new GetObjectCommand(at("incoming/own/one.png"))))).toBe("allowed");
      expect(await may(worker.send(new GetObjectCommand(at("models/names/default.json"))))).toBe("allowed");
      expect(await may(worker.send(new PutObjectCommand({ ...at("results/x"), Body: "", ContentLength: 0 })))).toBe(
        "allowed",
      );
      for (const key of ["incoming/x", "models/x", "training/x", "deployment.json"])
        expect([key, await may(worker.send(new PutObjectCommand({ ...at(key), Body: "", ContentLength: 0 })))]).toEqual(
          [key, "AccessDenied"],
        );
      for (const key of ["incoming/own/one.png", "results/x", "runs/x"])
        expect([key, await may(worker.send(new DeleteObjectCommand(at(key))))]).toEqual([key, "AccessDenied"]);
      expect(await may(worker.send(new GetObjectCommand(at("models/sha256/none"))))).toBe("NoSuchKey");
    });

    // Last, because the schedule's minute may pass while the others run.
    test("what was never told is found by the reconciler", async () => {
      expect(await lab.finished(name("untold"), undefined, 150)).toMatchObject(complete);
    }, 180_000);
  },
);
