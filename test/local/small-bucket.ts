import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import sharp from "sharp";
import type { BatchName, ObjectKey } from "../../lib/contract/names";
import { initializeWeights } from "../../lib/networks/initialize";
import { networkNamed } from "../../lib/networks/catalogue";
import { writeModelFolder } from "../../lib/networks/model-folder";
import { publishModel } from "../../lib/bucket/publish-model";
import { writeModel } from "../../lib/onnx/write-model";
import { FolderStore } from "../../lib/storage/folder-store";

export const batch = "cells" as BatchName;
export const imageKey = (name: string): ObjectKey => `incoming/cells/${name}` as ObjectKey;

/** A real, tiny network of the demo's kind, with random weights. */
export async function writeSmallModel(
  folder: string,
): Promise<Awaited<ReturnType<typeof writeModelFolder>> & { bytes: Uint8Array }> {
  const network = networkNamed("densenet121-rca-mini", { classes: 3 });
  const bytes = writeModel(network.build(initializeWeights(network, 1)));
  return {
    bytes,
    ...(await writeModelFolder(folder, bytes, {
      name: "mini",
      title: "Untrained miniature",
      classes: ["one", "two", "three"],
      input: { height: 64, width: 64 },
      data: { description: "none" },
    })),
  };
}

/** A PNG of a pattern that its number decides. */
export async function drawImage(number: number): Promise<Buffer> {
  const side = 80;
  const pixels = Buffer.from(
    Uint8Array.from(
      { length: side * side * 3 },
      (_, index) => (index * (number + 3) + Math.floor(index / (side * 3)) * number * 7) % 256,
    ),
  );
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

/** A folder bucket with a model and so many images in one batch. */
export async function smallBucket(
  images: number,
): Promise<{ folder: string; store: FolderStore; remove: () => Promise<void> }> {
  const scratch = await mkdtemp(path.join(os.tmpdir(), "cytolens-bucket-"));
  const folder = path.join(scratch, "bucket");
  const store = new FolderStore(folder);
  const { bytes, ...card } = await writeSmallModel(path.join(scratch, "model"));
  await publishModel(store, { bytes, card }, ["default"]);
  for (let number = 0; number < images; number++)
    await store.write(imageKey(`${String(number).padStart(3, "0")}.png`), await drawImage(number));
  return { folder, store, remove: () => rm(scratch, { recursive: true, force: true }) };
}
