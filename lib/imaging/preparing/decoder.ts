import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";
import { Mutex } from "../../concurrency/mutex";
import type { ErrorCode } from "../../contract/error-codes";
import { ImageError } from "../../contract/errors";
import type { DecodedImage } from "../decoding/decode";
import { type DecodingReply, type DecodingRequest, memoryNotice } from "./decoding-server";
import { type DecodingLimits, defaultLimits } from "../decoding/limits";
import type { PreparationRequest, PreparedImage } from "./prepare";
import type { Region } from "../../contract/region";

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
  readonly #images = new Mutex();
  #closed = false;

  constructor(limits: Partial<DecodingLimits> = {}, processFile = path.join(__dirname, "decode-process.js")) {
    this.#limits = { ...defaultLimits, ...limits };
    this.#processFile = processFile;
  }

  /** The whole image (see `decode`), from its bytes or a file's path. */
  decode(source: Uint8Array | string): Promise<DecodedImage> {
    return this.#enqueue({ source, limits: this.#limits }) as Promise<DecodedImage>;
  }

  /** A rectangle of an image that may be too large as a whole (see `decodeRegion`). */
  decodeRegion(source: Uint8Array | string, region: Region): Promise<DecodedImage> {
    return this.#enqueue({ source, limits: this.#limits, region }) as Promise<DecodedImage>;
  }

  /** The network's input, what it sees and a thumbnail (see `prepare`), from the image's bytes or a file's path. */
  prepare(source: Uint8Array | string, preparation: PreparationRequest): Promise<PreparedImage> {
    return this.#enqueue({ source, limits: this.#limits, preparation }) as Promise<PreparedImage>;
  }

  /** Ends the decoding process once the images asked for are done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#images.waitForUnlock();
    this.#stop();
  }

  #enqueue(request: DecodingRequest): Promise<DecodedImage | PreparedImage> {
    if (this.#closed)
      return Promise.reject(new ImageError("image.decoder-closed", "Expected an open decoder but it was closed"));
    return this.#images.runExclusive(() => this.#ask(request));
  }

  #ask(request: DecodingRequest): Promise<DecodedImage | PreparedImage> {
    const child = (this.#child ??= this.#start());
    let complaints = "";
    const onComplaint = (text: Buffer): void => {
      complaints = (complaints + text.toString()).slice(-2000);
    };
    return new Promise<DecodedImage | PreparedImage>((resolve, reject) => {
      const fail = (code: ErrorCode, message: string): void => {
        this.#stop();
        reject(new ImageError(code, message));
      };
      const onReply = (reply: DecodingReply): void => {
        settle();
        // A process that once held a large image does not give all of it back.
        if (reply.residentBytes > this.#limits.memoryBytes / 2) this.#stop();
        if ("value" in reply) resolve(reply.value);
        else reject(new ImageError(reply.failure.code, reply.failure.message));
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
      if (this.#child === child) this.#child = undefined;
    });
    child.on("error", () => undefined);
    return child;
  }

  #stop(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill("SIGKILL");
  }
}

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
