import path from "node:path";
import { Worker } from "node:worker_threads";
import { PendingRequests } from "../concurrency/pending-requests";
import type { ErrorCode } from "../contract/error-codes";
import type { Normalisation } from "../contract/normalisation";
import { CytolensError, EnvironmentError, ImageError, UserError } from "../contract/errors";
import { silenceTelemetry } from "../inference/runtime";
import type { AugmentationOptions } from "./augment";
import type { LabelledFile } from "./data-set";
import type { SampleReply, SampleWorkerData } from "./sample-worker";
import type { Batch, ImageSource, SampleRequest } from "./sample-source";

export interface ImageSourceOptions {
  readonly files: readonly LabelledFile[];
  readonly size: number;
  readonly masked: boolean;
  readonly maskModel?: string | undefined;
  readonly skipUnreadable: boolean;
  readonly augmentation: AugmentationOptions;
  readonly normalisation: Normalisation;
  readonly seed: number;
  readonly memoryBytes?: number | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Images from disk, decoded (by child processes), kept and augmented on a thread of their own, so that the next batch is made while
 * the network computes.
 * @throws UserError "data.unreadable"
 */
export async function openImageSource(options: ImageSourceOptions): Promise<ImageSource> {
  const { onProgress, ...plain } = options;
  silenceTelemetry();
  const worker = new Worker(path.join(__dirname, "sample-worker.js"), { workerData: plain satisfies SampleWorkerData });
  const requests = new PendingRequests<Batch>();
  const opened = await new Promise<Extract<SampleReply, { kind: "ready" }>>((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(error);
      requests.rejectAll(error);
    };
    worker.on("message", (reply: SampleReply) => {
      if (reply.kind === "progress") onProgress?.(reply.done, reply.total);
      else if (reply.kind === "ready") resolve(reply);
      else if (reply.kind === "batch") requests.resolve(reply.id, reply);
      else fail(revived(reply.code, reply.message));
    });
    worker.on("error", fail);
    worker.on("exit", (code) =>
      fail(
        new EnvironmentError(
          "training.samples",
          `Expected the thread that prepares images to answer but it ended with status ${code}`,
        ),
      ),
    );
  }).catch(async (error: unknown) => {
    await worker.terminate();
    throw error;
  });
  return {
    count: opened.files.length,
    labelsPerSample: 1,
    files: opened.files,
    unreadable: opened.unreadable,
    batch: (samples: readonly SampleRequest[]) =>
      requests.send((id) => worker.postMessage({ id, requests: samples }, [])),
    close: async () => {
      await worker.terminate();
    },
  };
}

/** Errors lose their class on the way between threads; the code tells which it was. */
function revived(code: ErrorCode, message: string): CytolensError {
  if (code.startsWith("image.")) return new ImageError(code, message);
  return code.startsWith("data.") ? new UserError(code, message) : new EnvironmentError(code, message);
}
