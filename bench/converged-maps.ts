import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Maps from many segments, computed once and kept in files. */
export class ConvergedMaps {
  constructor(
    private readonly folder: string,
    private readonly segments: number,
  ) {
    mkdirSync(folder, { recursive: true });
  }

  async of(image: string, compute: () => Promise<Float32Array>): Promise<Float32Array> {
    const file = path.join(this.folder, `${image}-${this.segments}.f32`);
    if (!existsSync(file)) {
      const map = await compute();
      writeFileSync(file, new Uint8Array(map.buffer, map.byteOffset, map.byteLength));
    }
    return new Float32Array(Uint8Array.from(readFileSync(file)).buffer);
  }
}
