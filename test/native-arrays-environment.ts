import { TestEnvironment } from "jest-environment-node";

/**
 * Jest runs tests in a realm of its own, whose typed arrays are not the ones native modules create.
 * onnxruntime compares constructors, so the tests share the outer realm's.
 */
export default class NativeArraysEnvironment extends TestEnvironment {
  override async setup(): Promise<void> {
    await super.setup();
    Object.assign(this.global, {
      ArrayBuffer,
      SharedArrayBuffer,
      Float32Array,
      Float64Array,
      Int8Array,
      Int16Array,
      Int32Array,
      BigInt64Array,
      Uint8Array,
      Uint8ClampedArray,
      Uint16Array,
      Uint32Array,
      BigUint64Array,
    });
  }
}
