import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { writeFile, mkdir } from "node:fs/promises";
import type { BatchName, ObjectKey } from "../../lib/contract/names";
import { batchSettingsKey, incomingBatchPrefix } from "../../lib/contract/object-keys";
import { submissionEnvironment } from "../../lib/contract/worker-environment";
import { publishModel } from "../../lib/bucket/publish-model";
import { initializeWeights } from "../../lib/networks/initialize";
import { networkNamed } from "../../lib/networks/catalogue";
import { readModelFolder, writeModelFolder } from "../../lib/networks/model-folder";
import { writeModel } from "../../lib/onnx/write-model";
import { planBatch } from "../../lib/protocol/plan-batch";
import type { JobRequest, Pipeline } from "../../lib/protocol/ports";
import { systemClock } from "../../lib/bucket/clock";
import { FolderStore } from "../../lib/storage/folder-store";
import { picture } from "../emulator/bucket-contents";

export interface PreparedShard {
  readonly folder: string;
  readonly store: FolderStore;
  readonly batch: BatchName;
  readonly images: number;
  /** What AWS Batch would put into the job's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

const nothing = (): Promise<void> => Promise.resolve();

/** A folder as a bucket, with a model, a batch of pictures and a plan whose one job nobody has run yet. */
export async function prepareShard(name: string, images: number, settings: object): Promise<PreparedShard> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "cytolens-container-"));
  const batch = name as BatchName;
  const store = new FolderStore(folder);
  const model = path.join(folder, "..", `${path.basename(folder)}-model`);
  const network = networkNamed("densenet121-mini", { classes: 3, size: 64 });
  await mkdir(model);
  await writeModelFolder(model, writeModel(network.build(initializeWeights(network, 1))), {
    name: "mini",
    title: "Untrained",
    classes: ["a", "b", "c"],
    input: { height: 64, width: 64 },
    data: { description: "none" },
  });
  await publishModel(store, await readModelFolder(model), ["default"]);
  await store.write(batchSettingsKey(batch), JSON.stringify(settings));
  for (let number = 0; number < images; number++)
    await store.write(`${incomingBatchPrefix(batch)}${number}.png` as ObjectKey, await picture(number));
  await writeFile(path.join(folder, "made-for-a-test"), "");

  const requests: JobRequest[] = [];
  const pipeline: Pipeline = {
    store,
    clock: systemClock,
    publishers: [],
    hints: { tick: nothing },
    notices: { publish: nothing },
    queue: {
      submit: async (request) => {
        requests.push(request);
        return { jobId: "container" };
      },
      findByName: async () => undefined,
      describe: async () => undefined,
    },
    policy: { idleSeconds: 1, itemsPerShard: () => images, jobDefinition: null },
  };
  await planBatch(pipeline, batch, { by: "command", coversUntil: null });
  const [request] = requests;
  if (!request) throw new Error("the plan dispatched nothing");
  return {
    folder,
    store,
    batch,
    images,
    environment: {
      CYTOLENS_BUCKET: "file:///bucket",
      ...submissionEnvironment({ batch, run: request.run, number: 0, part: 0 }),
    },
  };
}
