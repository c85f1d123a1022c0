import { readFileSync } from "node:fs";

/** The uint8 arrays of a safetensors file by name, for oracle/preprocess. */
export function readByteTensors(file: string): Map<string, { shape: number[]; data: Uint8Array }> {
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const base = 8 + headerLength;
  return new Map(
    Object.entries(header)
      .filter(([, entry]) => entry.dtype === "U8")
      .map(
        ([
          name,
          {
            shape,
            data_offsets: [from, to],
          },
        ]) => [name, { shape, data: bytes.subarray(base + from, base + to) }],
      ),
  );
}
