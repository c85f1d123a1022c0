// Reads which shared libraries an ELF file asks for (its DT_NEEDED entries), and compares their CUDA with an image's tag.
// Needs nothing but Node. Used by cuda-libraries.mjs in the image's build and by the tests.
import { closeSync, openSync, readSync } from "node:fs";

const dynamicSegment = 2;
const needed = 1n;
const stringTable = 5n;
const loadSegment = 1;

/** The names in DT_NEEDED of a 64-bit little-endian ELF file. `read(offset, length)` answers bytes of the file. */
export function librariesNeeded(read) {
  const header = read(0, 64);
  if (header.toString("latin1", 0, 4) !== "\x7fELF" || header[4] !== 2 || header[5] !== 1)
    throw new Error("Expected a 64-bit little-endian ELF file but received something else");
  const [offset, size, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)];
  const segments = Array.from({ length: count }, (_, index) => {
    const entry = read(offset + index * size, size);
    return {
      type: entry.readUInt32LE(0),
      offset: Number(entry.readBigUInt64LE(8)),
      address: Number(entry.readBigUInt64LE(16)),
      size: Number(entry.readBigUInt64LE(32)),
    };
  });
  const dynamic = segments.find(({ type }) => type === dynamicSegment);
  if (!dynamic) return [];
  const table = read(dynamic.offset, dynamic.size);
  const entries = Array.from({ length: Math.floor(table.length / 16) }, (_, index) => [
    table.readBigInt64LE(index * 16),
    Number(table.readBigUInt64LE(index * 16 + 8)),
  ]);
  const address = entries.find(([tag]) => tag === stringTable)?.[1];
  const home = segments.find(
    ({ type, address: start, size: length }) => type === loadSegment && start <= address && address < start + length,
  );
  if (address === undefined || !home) throw new Error("Expected a table of names in the ELF file but found none");
  const names = home.offset + address - home.address;
  return entries.filter(([tag]) => tag === needed).map(([, at]) => nameAt(read, names + at));
}

const longestName = 255;

function nameAt(read, offset) {
  const bytes = read(offset, longestName);
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
}

/** The same, of a file. */
export function librariesNeededBy(file) {
  const descriptor = openSync(file, "r");
  try {
    return librariesNeeded((offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
    });
  } finally {
    closeSync(descriptor);
  }
}

/** Throws where a library was built for another CUDA than the image's: "docker.io/nvidia/cuda:13.0.2-…" is CUDA 13. */
export function checkCuda(libraries, image) {
  const built = /^libcudart\.so\.(\d+)$/m.exec(libraries.join("\n"))?.[1];
  const has = /\bcuda:(\d+)\./.exec(image)?.[1];
  if (built === undefined || has === undefined || built !== has)
    throw new Error(
      `Expected libraries and image of one CUDA but the libraries ask for CUDA ${built ?? "unknown"} (${libraries.join(", ")}) and the image is ${image}`,
    );
}
