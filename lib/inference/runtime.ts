import type * as OnnxRuntime from "onnxruntime-node";
import { EnvironmentError } from "../contract/errors";

export type OnnxRuntimeModule = typeof OnnxRuntime;

/** Where a model is computed. Always the caller's choice: nothing falls back from one to another. */
export type Provider = "cpu" | "cuda" | "webgpu";

let loaded: OnnxRuntimeModule | undefined;

/**
 * Sets what onnxruntime reads from the environment when it is loaded: no telemetry. On a worker thread `process.env`
 * is a copy that native code never sees, so whoever starts workers calls this on the main thread first.
 */
export function silenceTelemetry(): void {
  process.env["ORT_DISABLE_TELEMETRY"] = "1";
}

/** onnxruntime-node, loaded on first use and never before its telemetry is off. */
export function onnxRuntime(): OnnxRuntimeModule {
  if (loaded) return loaded;
  silenceTelemetry();
  try {
    loaded = require("onnxruntime-node") as OnnxRuntimeModule;
    // What goes wrong is thrown, too; printed beside a progress bar it only confuses.
    loaded.env.logLevel = "fatal";
  } catch (cause) {
    throw new EnvironmentError(
      "runtime.unavailable",
      `Expected onnxruntime-node to load on ${process.platform}-${process.arch} but received: ${messageOf(cause)}`,
      { cause },
    );
  }
  return loaded;
}

/** The version of onnxruntime-node that computes here, for caches and records. */
export function runtimeVersion(): string {
  return onnxRuntime().env.versions.node ?? "unknown";
}

/**
 * CUDA multiplies in TensorFloat-32 (10 bits of mantissa) by default, and gradients show it. The libraries
 * read this variable when the first CUDA session starts, so it is set before, unless someone already chose.
 */
export function chooseCudaPrecision(tf32: boolean): void {
  process.env["NVIDIA_TF32_OVERRIDE"] ??= tf32 ? "1" : "0";
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
