import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { BatchName } from "../../lib/contract/names";
import { initializeWeights } from "../../lib/networks/initialize";
import { networkNamed } from "../../lib/networks/catalogue";
import { writeModelFolder } from "../../lib/networks/model-folder";
import { writeModel } from "../../lib/onnx/write-model";
import { BucketContents, picture } from "./bucket-contents";
import { deployCloud, type Cloud } from "./cloud";
import { emulatorPython } from "./ministack";

/**
 * The whole journey in an emulated account: the stack as the CDK deploys it, images uploaded as a lab would, results in the bucket through
 * S3 → SQS → Lambda → Batch → EventBridge → Lambda, under the roles' own policies; and what may go wrong on the way.
 */
const found = emulatorPython();
const name = (text: string): BatchName => text as BatchName;
const quick = { methods: ["gradient"] };

(("python" in found) ? describe : describe.skip)(`a lab's account${"missing" in found ? ` (skipped: ${found.missing})` : ""}`, () => {
  let scratch: string;
  let cloud: Cloud;
  let lab: BucketContents;
  let images: Record<string, Uint8Array>;

  beforeAll(async () => {
    scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-journey-"));
    const network = networkNamed("densenet121-mini", { classes: 3, size: 64 });
    await writeModelFolder(path.join(scratch, "model"), writeModel(network.build(initializeWeights(network, 1))), {
      name: "mini", title: "Untrained", classes: ["a", "b", "c"], input: { height: 64, width: 64 }, data: { description: "none" },
    });
    images = Object.fromEntries(await Promise.all(["one.png", "two words + more.png", "prüfung/drei%2B.png"].map(async (file, number) => [file, await picture(number)] as const)));
    cloud = await deployCloud((found as { python: string }).python, {
      compute: { kind: "cpu", attempts: 3 }, imageUri: "localhost/worker:ci", defaultModel: path.join(scratch, "model"), idleWindowSeconds: 10, reconcileMinutes: 1,
    });
    lab = new BucketContents(cloud.endpoint, cloud.bucket);
  }, 240_000);

  afterAll(async () => {
    lab?.close();
    await cloud?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  test("the first upload after a deploy comes back classified and explained", async () => {
    await lab.upload(name("first"), images, { settings: quick });
    const summary = await lab.finished(name("first"));
    expect(summary).toMatchObject({ status: "complete", counts: { planned: 3, succeeded: 3, failed: 0, skipped: 0 }, model: { name: "default" } });
    const results = await lab.keys("results/first/");
    expect(results.filter((key) => key.endsWith("/result.json"))).toHaveLength(3);
    expect(results.filter((key) => key.endsWith("gradient.overlay.png"))).toHaveLength(3);
  }, 120_000);
});
