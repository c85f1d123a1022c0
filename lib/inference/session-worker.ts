import { parentPort } from "node:worker_threads";
import type { Tensor } from "../onnx/model";
import { messageOf } from "./runtime";
import { Session, type SessionOptions } from "./session";

/** What a worker is asked to do; it answers each with a reply of the same id. */
export type WorkerRequest =
  | {
      readonly id: number;
      readonly do: "open";
      readonly key: string;
      readonly model: Uint8Array | string;
      readonly options: SessionOptions;
    }
  | { readonly id: number; readonly do: "run"; readonly key: string; readonly feeds: Readonly<Record<string, Tensor>> }
  | { readonly id: number; readonly do: "close"; readonly key: string };

export interface WorkerReply {
  readonly id: number;
  readonly error?: string;
  readonly inputNames?: readonly string[];
  readonly outputNames?: readonly string[];
  readonly outputs?: readonly (readonly [string, Tensor])[];
}

const sessions = new Map<string, Session>();

async function answer(request: WorkerRequest): Promise<Omit<WorkerReply, "id">> {
  if (request.do === "open") {
    const session = await Session.open(request.model, request.options);
    sessions.set(request.key, session);
    return { inputNames: session.inputNames, outputNames: session.outputNames };
  }
  const session = sessions.get(request.key);
  if (!session) throw new Error(`no session ${request.key} in this worker`);
  if (request.do === "run") return { outputs: [...(await session.run(request.feeds))] };
  sessions.delete(request.key);
  await session.close();
  return {};
}

parentPort?.on("message", (request: WorkerRequest) => {
  void answer(request)
    .catch((error: unknown) => ({ error: messageOf(error) }))
    .then((reply: Omit<WorkerReply, "id">) => {
      const buffers = (reply.outputs ?? []).flatMap(([, { data }]) =>
        Array.isArray(data) ? [] : [data.buffer as ArrayBuffer],
      );
      parentPort?.postMessage({ ...reply, id: request.id }, [...new Set(buffers)]);
    });
});
