import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import { projectRoot } from "../reference";

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-pins-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a script's functions in a module of its own; answers what it prints as JSON. */
function inModule(script: string, code: string): unknown {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", `import * as it from ${JSON.stringify(path.join(projectRoot, script))};\n${code}`],
    { encoding: "utf8", timeout: 30_000 },
  );
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Answers as Docker Hub does: 401 with a challenge, a token, then the digest. */
const registry = `
  const seen = [];
  const digest = "sha256:" + "ab".repeat(32);
  const request = async (url, { headers = {}, method = "GET" } = {}) => {
    seen.push([method, url, headers.authorization ?? null]);
    if (url.startsWith("https://auth.example/")) return { ok: true, status: 200, headers: new Headers(), json: async () => ({ token: "t" }) };
    if (url.endsWith(".nupkg")) return { ok: true, status: 200, headers: new Headers(), arrayBuffer: async () => new TextEncoder().encode("package") };
    if (!headers.authorization) return { ok: false, status: 401, headers: new Headers({ "www-authenticate": 'Bearer realm="https://auth.example/token",service="registry.docker.io",scope="s"' }) };
    return { ok: true, status: 200, headers: new Headers({ "docker-content-digest": digest }) };
  };`;

test("npm run pins asks the registries as they want to be asked, and writes what they say", () => {
  const pins = JSON.parse(readFileSync(path.join(projectRoot, "containers/worker/pins.json"), "utf8")) as object;
  const found = inModule(
    "scripts/pins.mjs",
    `${registry}; console.log(JSON.stringify({ pins: await it.renewed(${JSON.stringify(pins)}, request), seen }));`,
  ) as {
    pins: Record<string, Record<string, string>>;
    seen: [string, string, string | null][];
  };
  expect(found.pins["baseImage"]?.["digest"]).toBe(`sha256:${"ab".repeat(32)}`);
  expect(found.pins["cudaImage"]?.["digest"]).toBe(`sha256:${"ab".repeat(32)}`);
  expect(found.pins["cudaLibraries"]?.["sha256"]).toBe(createHash("sha256").update("package").digest("hex"));
  expect(found.seen.slice(0, 3)).toEqual([
    ["HEAD", "https://registry-1.docker.io/v2/library/node/manifests/24-bookworm-slim", null],
    ["GET", "https://auth.example/token?service=registry.docker.io&scope=repository:library/node:pull", null],
    ["HEAD", "https://registry-1.docker.io/v2/library/node/manifests/24-bookworm-slim", "Bearer t"],
  ]);
});

test("an answer without a digest is refused, not made up", () => {
  const code =
    'const request = async () => ({ ok: true, status: 200, headers: new Headers() }); await it.digestOf("docker.io/library/node:24", request).catch((error) => console.log(JSON.stringify(error.message)));';
  expect(inModule("scripts/pins.mjs", code)).toBe("Expected a digest for docker.io/library/node:24 but received 200 ");
});

test("as shipped, every pin is either empty or a whole digest", () => {
  const { baseImage, cudaImage, cudaLibraries } = JSON.parse(
    readFileSync(path.join(projectRoot, "containers/worker/pins.json"), "utf8"),
  ) as Record<string, { digest?: string; sha256?: string }>;
  for (const { digest = "" } of [baseImage!, cudaImage!]) expect(digest).toMatch(/^(sha256:[0-9a-f]{64})?$/);
  expect(cudaLibraries!.sha256).toMatch(/^([0-9a-f]{64})?$/);
});

test.each([
  [["", "https://x", "a".repeat(64)]],
  [["scratch", "https://x", "a".repeat(64)]],
  [["image", "", "a".repeat(64)]],
  [["image", "https://x", ""]],
])("a CUDA build with an empty pin fails: %j", (words) => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(projectRoot, "containers/worker/cuda-libraries.mjs"), ...words, scratch],
    { encoding: "utf8" },
  );
  expect(status).not.toBe(0);
  expect(stderr).toContain("npm run pins");
});

/** A zip file with entries, deflated or stored, as NuGet packages are. */
function zip(entries: Readonly<Record<string, { body: string; stored?: boolean }>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, { body, stored }] of Object.entries(entries)) {
    const packed = stored ? Buffer.from(body) : deflateRawSync(body);
    const local = Buffer.alloc(30);
    local.write("PK\x03\x04", "latin1");
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.write("PK\x01\x02", "latin1");
    central.writeUInt16LE(stored ? 0 : 8, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name), packed);
    directory.push(central, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

test("the two libraries are taken out of the package, and nothing else", () => {
  const file = path.join(scratch, "package.zip");
  writeFileSync(
    file,
    zip({
      "docs/a.txt": { body: "no" },
      "runtimes/linux-x64/native/one.so": { body: "first ".repeat(1000) },
      "runtimes/linux-x64/native/two.so": { body: "second", stored: true },
    }),
  );
  const code = (names: string): string =>
    `import { readFileSync } from "node:fs"; try { console.log(JSON.stringify(Object.fromEntries([...it.unpack(readFileSync(${JSON.stringify(file)}), ${names})].map(([n, b]) => [n, b.toString()])))) } catch (error) { console.log(JSON.stringify(error.message)) }`;
  expect(inModule("containers/worker/cuda-libraries.mjs", code('["one.so", "two.so"]'))).toEqual({
    "one.so": "first ".repeat(1000),
    "two.so": "second",
  });
  expect(inModule("containers/worker/cuda-libraries.mjs", code('["three.so"]'))).toBe(
    "Expected three.so in the package but it is not there",
  );
});

const reader = "containers/worker/elf-needed.mjs";
const pinned = JSON.parse(readFileSync(path.join(projectRoot, "containers/worker/pins.json"), "utf8")) as {
  cudaImage: { tag: string };
  cudaLibraries: { url: string };
};

test("what an ELF file asks for is read from it: Node asks for the C library", () => {
  const needed = inModule(reader, `console.log(JSON.stringify(it.librariesNeededBy(process.execPath)))`) as string[];
  expect(needed).toContain("libc.so.6");
  const refused = inModule(
    reader,
    `try { it.librariesNeededBy(${JSON.stringify(path.join(projectRoot, "package.json"))}) } catch (error) { console.log(JSON.stringify(error.message)) }`,
  );
  expect(refused).toContain("Expected a 64-bit little-endian ELF file");
});

const checked = (libraries: readonly string[], image: string): unknown =>
  inModule(
    reader,
    `try { it.checkCuda(${JSON.stringify(libraries)}, ${JSON.stringify(image)}); console.log('"fits"') } catch (error) { console.log(JSON.stringify(error.message)) }`,
  );

test("libraries of one CUDA are not put into an image of another", () => {
  expect(checked(["libcudart.so.13", "libcuda.so.1"], "docker.io/nvidia/cuda:13.0.2-cudnn-runtime")).toBe("fits");
  expect(checked(["libcudart.so.13", "libcuda.so.1"], "docker.io/nvidia/cuda:12.8.1-cudnn-runtime")).toContain(
    "Expected libraries and image of one CUDA but the libraries ask for CUDA 13",
  );
  expect(checked(["libc.so.6"], "docker.io/nvidia/cuda:12.8.1-cudnn-runtime")).toContain("CUDA unknown");
});

test("the image, its libraries and onnxruntime are of one version", () => {
  const { version } = JSON.parse(
    readFileSync(path.join(projectRoot, "node_modules/onnxruntime-node/package.json"), "utf8"),
  ) as { version: string };
  expect(pinned.cudaLibraries.url).toContain(`/${version}/`);
});

/** libonnxruntime_providers_cuda.so of PyPI's onnxruntime-gpu in the version of onnxruntime-node (270 MB): see docs/container.md. */
const provider = process.env["CYTOLENS_CUDA_PROVIDER"];

(provider === undefined ? test.skip : test)(
  `the CUDA part of that version fits the pinned image${provider === undefined ? " (skipped: CYTOLENS_CUDA_PROVIDER names no file)" : ""}`,
  () => {
    const needed = inModule(
      reader,
      `console.log(JSON.stringify(it.librariesNeededBy(${JSON.stringify(provider)})))`,
    ) as string[];
    expect(needed).toContain("libcuda.so.1");
    expect(checked(needed, pinned.cudaImage.tag)).toBe("fits");
  },
);
