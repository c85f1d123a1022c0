import { parentPort, workerData } from "node:worker_threads";
import type { ErrorCode } from "../contract/error-codes";
import type { Normalisation } from "../contract/normalisation";
import { CytolensError } from "../contract/errors";
import { drawView, plainView, renderView, type AugmentationOptions } from "./augment";
import type { LabelledFile } from "./data-set";
import { PreparedImages, type UnreadableImage } from "./prepared-samples";
import type { Batch, SampleRequest } from "./sample-source";

export interface SampleWorkerData {
  readonly files: readonly LabelledFile[];
  readonly size: number;
  readonly masked: boolean;
  readonly maskModel?: string | undefined;
  readonly skipUnreadable: boolean;
  readonly augmentation: AugmentationOptions;
  readonly normalisation: Normalisation;
  readonly seed: number;
  readonly memoryBytes?: number | undefined;
}

export type SampleReply =
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "ready"; readonly files: readonly LabelledFile[]; readonly unreadable: readonly UnreadableImage[] }
  | ({ readonly kind: "batch"; readonly id: number } & Batch)
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

async function serve(
  data: SampleWorkerData,
  post: (reply: SampleReply, transfer?: ArrayBuffer[]) => void,
): Promise<void> {
  const images = await PreparedImages.load(data.files, {
    size: data.size,
    masked: data.masked,
    maskModel: data.maskModel,
    skipUnreadable: data.skipUnreadable,
    ...(data.memoryBytes === undefined ? {} : { memoryBytes: data.memoryBytes }),
    onProgress: (done, total) => post({ kind: "progress", done, total }),
  });
  post({ kind: "ready", files: images.files, unreadable: images.unreadable });
  parentPort?.on("message", ({ id, requests }: { id: number; requests: readonly SampleRequest[] }) => {
    void makeBatch(images, data, requests).then(
      (batch) => post({ kind: "batch", id, ...batch }, [batch.input.buffer as ArrayBuffer]),
      (error: unknown) => post(failureOf(error)),
    );
  });
}

async function makeBatch(
  images: PreparedImages,
  { size, seed, augmentation, normalisation }: SampleWorkerData,
  requests: readonly SampleRequest[],
): Promise<Batch> {
  const input = new Float32Array(requests.length * 3 * size * size),
    labels = new BigInt64Array(requests.length);
  for (const [position, { sample, epoch, repeat }] of requests.entries()) {
    const file = images.files[sample];
    if (!file) throw new RangeError(`Expected a sample below ${images.files.length} but received ${sample}`);
    const view = epoch === undefined ? plainView : drawView(augmentation, seed, epoch, sample, repeat);
    renderView(await images.image(file), view, normalisation, size, input, position * 3 * size * size);
    labels[position] = BigInt(file.label);
  }
  return { input, labels, count: requests.length };
}

function failureOf(error: unknown): SampleReply {
  return {
    kind: "failed",
    code: error instanceof CytolensError ? error.code : "training.samples",
    message: error instanceof Error ? error.message : String(error),
  };
}

if (parentPort) {
  const port = parentPort;
  void serve(workerData as SampleWorkerData, (reply, transfer) => port.postMessage(reply, transfer ?? [])).catch(
    (error: unknown) => port.postMessage(failureOf(error)),
  );
}
