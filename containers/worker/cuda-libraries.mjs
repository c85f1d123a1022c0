// Fetches onnxruntime's CUDA libraries (a NuGet package, which is a zip file), checks the package's hash, and unpacks the two that are needed,
// if they are built for the CUDA that the image has.
// node cuda-libraries.mjs <cuda image> <url> <sha256> <folder>. Needs nothing but Node. Runs in the image's build stage.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import { checkCuda, librariesNeeded } from "./elf-needed.mjs";

const wanted = ["libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"];

export function unpack(zip, names) {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0) throw new Error("Expected a zip file but found no directory in it");
  const found = new Map();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [method, packed, nameLength, extra, comment, local] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt32LE(at + 20),
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
      zip.readUInt32LE(at + 42),
    ];
    const name = path.posix.basename(zip.toString("utf8", at + 46, at + 46 + nameLength));
    if (names.includes(name)) {
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const body = zip.subarray(start, start + packed);
      found.set(name, method === 0 ? body : inflateRawSync(body));
    }
    at += 46 + nameLength + extra + comment;
  }
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} in the package but it is not there`);
  return found;
}

async function main([image, url, sha256, folder]) {
  if (!image || image === "scratch" || !url || !/^[0-9a-f]{64}$/.test(sha256 ?? "")) {
    throw new Error(
      "Expected CUDA_IMAGE, CUDA_LIBRARIES_URL and CUDA_LIBRARIES_SHA256 but one is empty: run `npm run pins` where there is a network",
    );
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Expected ${url} but received ${response.status}`);
  const zip = Buffer.from(await response.arrayBuffer());
  const digest = createHash("sha256").update(zip).digest("hex");
  if (digest !== sha256)
    throw new Error(`Expected a package with sha256 ${sha256} from ${url} but received one with ${digest}`);
  const libraries = unpack(zip, wanted);
  const provider = libraries.get(wanted[0]);
  checkCuda(
    librariesNeeded((offset, length) => provider.subarray(offset, offset + length)),
    image,
  );
  mkdirSync(folder, { recursive: true });
  for (const [name, body] of libraries) writeFileSync(path.join(folder, name), body);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
