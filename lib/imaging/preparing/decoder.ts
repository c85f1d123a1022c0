import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { Mutex } from "../../concurrency/mutex";
import type { ErrorCode } from "../../contract/error-codes";
import { ImageError } from "../../contract/errors";
import type { DecodedImage } from "../decoding/decode";
import {
  type DecodingReply,
  type DecodingRequest,
  type DecodingTask,
  type DecodingTasks,
  memoryNotice,
} from "./decoding-server";
import { type DecodingLimits, defaultLimits } from "../decoding/limits";
import type { Overview, OverviewRequest, TilesRequest } from "./large-picture";
import type { PreparationRequest, PreparedImage } from "./prepare";
import type { Colour } from "../../contract/settings";

/**
 * Decodes images in a process of its own, because decoders are where hostile files bite: a crash, a hang or a memory
 * explosion costs that one image (image.decoder-crashed, image.decoder-timeout, image.decoder-memory), and a fresh process
 * takes the next. The process is reused over images, sees none of this one's environment, and does the resizing too, so
 * that tensors come back rather than pixels. One image at a time; for more, use more decoders.
 */
export class Decoder {
  readonly #limits: DecodingLimits;
  readonly #processFile: string;
  #child: ChildProcess | undefined;
  /** What the decoding process holds of the last image. */
  #kept: Uint8Array | undefined;
  readonly #images = new Mutex();
  #closed = false;

  constructor(limits: Partial<DecodingLimits> = {}, processFile = path.join(__dirname, "decode-process.js")) {
    this.#limits = { ...defaultLimits, ...limits };
    this.#processFile = processFile;
  }

  /** The whole image (see `decode`), from its bytes or a file's path. */
  decode(source: Uint8Array | string, colour: Colour = "profile"): Promise<DecodedImage> {
    return this.#enqueue("decode", source, { colour });
  }

  /** The network's input, what it sees and a thumbnail (see `prepare`), from the image's bytes or a file's path. */
  prepare(source: Uint8Array | string, preparation: PreparationRequest): Promise<PreparedImage> {
    return this.#enqueue("prepare", source, preparation);
  }

  /** Width and height, from the headers alone (see `measure`). */
  measure(source: Uint8Array | string): Promise<Pick<DecodedImage, "width" | "height">> {
    return this.#enqueue("measure", source, {});
  }

  /** An image that may be too large as a whole, made smaller (see `overview`). */
  overview(source: Uint8Array | string, request: OverviewRequest): Promise<Overview> {
    return this.#enqueue("overview", source, request);
  }

  /** The network's input of some tiles of such an image (see `prepareTiles`). */
  prepareTiles(source: Uint8Array | string, request: TilesRequest): Promise<Float32Array[]> {
    return this.#enqueue("prepareTiles", source, request);
  }

  /** Ends the decoding process once the images asked for are done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#images.waitForUnlock();
    this.#stop();
  }

  #enqueue<Task extends DecodingTask>(
    task: Task,
    source: Uint8Array | string,
    ask: DecodingTasks[Task]["ask"],
  ): Promise<DecodingTasks[Task]["answer"]> {
    if (this.#closed)
      return Promise.reject(new ImageError("image.decoder-closed", "Expected an open decoder but it was closed"));
    return this.#images.runExclusive(() => this.#ask(task, source, ask)) as Promise<DecodingTasks[Task]["answer"]>;
  }

  #ask(
    task: DecodingTask,
    source: Uint8Array | string,
    ask: DecodingTasks[DecodingTask]["ask"],
  ): Promise<DecodingTasks[DecodingTask]["answer"]> {
    const child = (this.#child ??= this.#start());
    const keep = keepsSource.has(task);
    const request: DecodingRequest = {
      task,
      ask,
      limits: this.#limits,
      keep,
      source: this.#kept === source ? null : source,
    };
    this.#kept = keep && typeof source !== "string" ? source : undefined;
    let complaints = "";
    const onComplaint = (text: Buffer): void => {
      complaints = (complaints + text.toString()).slice(-2000);
    };
    return new Promise((resolve, reject) => {
      const fail = (code: ErrorCode, message: string): void => {
        this.#stop();
        reject(new ImageError(code, message));
      };
      const onReply = (reply: DecodingReply): void => {
        settle();
        // A process that once held a large image does not give all of it back.
        if (reply.residentBytes > this.#limits.memoryBytes / 2) this.#stop();
        if ("value" in reply) resolve(reply.value);
        else {
          this.#kept = undefined;
          reject(new ImageError(reply.failure.code, reply.failure.message));
        }
      };
      // "close" comes after stderr was read to its end, "exit" may come before.
      const onClose = (code: number | null, signal: string | null): void => {
        settle();
        if (complaints.includes(memoryNotice)) {
          fail(
            "image.decoder-memory",
            `Expected decoding to take at most ${this.#limits.memoryBytes} bytes of memory but it took more`,
          );
        } else {
          const reason = complaints.trim().split("\n").at(-1) ?? "";
          fail(
            "image.decoder-crashed",
            `Expected the decoder to answer but its process ended (${signal ?? `exit code ${code}`})${reason && `: ${reason}`}`,
          );
        }
      };
      const onError = (error: Error): void => {
        settle();
        fail(
          "image.decoder-crashed",
          `Expected the decoder to take the image but its process is gone: ${error.message}`,
        );
      };
      const timer = setTimeout(() => {
        settle();
        fail("image.decoder-timeout", `Expected decoding to end within ${this.#limits.seconds} s but it did not`);
      }, this.#limits.seconds * 1000);
      const settle = (): void => {
        clearTimeout(timer);
        child.off("message", onReply).off("close", onClose).off("error", onError);
        child.stderr?.off("data", onComplaint);
        hold(child, false);
      };
      hold(child, true);
      child.on("message", onReply).on("close", onClose).on("error", onError);
      child.stderr?.on("data", onComplaint);
      child.send(request, (error) => {
        // A dead process reports through "close" as well, with a better reason; this is for a channel that alone is gone.
        if (error && !child.connected && child.exitCode === null && child.signalCode === null) onError(error);
      });
    });
  }

  #start(): ChildProcess {
    const child = fork(this.#processFile, [String(this.#limits.memoryBytes)], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: [`--max-old-space-size=${Math.ceil(this.#limits.memoryBytes / 2 ** 20)}`],
      env: environment(),
    });
    child.once("exit", () => {
      if (this.#child === child) this.#forget();
    });
    child.on("error", () => undefined);
    return child;
  }

  #stop(): void {
    const child = this.#child;
    this.#forget();
    child?.kill("SIGKILL");
  }

  #forget(): void {
    this.#child = undefined;
    this.#kept = undefined;
  }
}

/** After these more is asked of the same image. */
const keepsSource: ReadonlySet<DecodingTask> = new Set(["measure", "overview", "prepareTiles"]);

/** An idle decoder does not keep its program running. */
function hold(child: ChildProcess, busy: boolean): void {
  const stderr = child.stderr as (NodeJS.ReadableStream & { ref?(): void; unref?(): void }) | null;
  for (const handle of [child, child.channel, stderr]) {
    if (busy) handle?.ref?.();
    else handle?.unref?.();
  }
}

/** What a decoder needs to find its libraries, and nothing else: no credentials in particular. */
function environment(): NodeJS.ProcessEnv {
  const kept = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP"];
  const found = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  // Fewer heaps in the C library: memory that one image frees is there for the next.
  return { ...Object.fromEntries(found), MALLOC_ARENA_MAX: "2" };
}
