import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { defaultCacheFolder, GradientCache, type CacheIdentity } from "../../lib/inference/gradient-cache";

const identity: CacheIdentity = {
  modelSha256: "a",
  engineVersion: "1",
  passesVersion: 1,
  runtimeVersion: "1.30.0",
  head: "softmax",
  provider: "cpu",
  input: { height: 4 },
  output: "logits",
  request: { batch: 8 },
};

describe("gradient cache", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-cache-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("gives back what was put, to another process too", async () => {
    const written = await new GradientCache(folder).put(identity, Uint8Array.of(1, 2, 3));
    const found = await new GradientCache(folder).get(identity);
    expect(found).toBe(written);
    expect(await readFile(found!)).toEqual(Buffer.from([1, 2, 3]));
    expect((await readdir(folder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it.each<[keyof CacheIdentity, unknown]>([
    ["modelSha256", "b"],
    ["engineVersion", "2"],
    ["passesVersion", 2],
    ["runtimeVersion", "1.31.0"],
    ["provider", "cuda"],
    ["input", { height: 5 }],
    ["output", "other"],
    ["request", { batch: 1 }],
  ])("does not mistake another %s for this one", async (field, value) => {
    const cache = new GradientCache(folder);
    await cache.put(identity, Uint8Array.of(1));
    expect(await cache.get({ ...identity, [field]: value })).toBeUndefined();
  });

  it("ignores a damaged file", async () => {
    const cache = new GradientCache(folder);
    await cache.put(identity, Uint8Array.of(1, 2, 3));
    const file = path.join(folder, (await readdir(folder))[0]!);
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 1));
    expect(await cache.get(identity)).toBeUndefined();
    const mended = await cache.put(identity, Uint8Array.of(1, 2, 3));
    expect(await cache.get(identity)).toBe(mended);
  });

  it("removes what was used longest ago when it grows too large", async () => {
    const cache = new GradientCache(folder, 150);
    for (const batch of [1, 2]) {
      await cache.put({ ...identity, request: { batch } }, new Uint8Array(70));
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    expect(await cache.get({ ...identity, request: { batch: 1 } })).toBeDefined();
    await cache.put({ ...identity, request: { batch: 3 } }, new Uint8Array(70));
    expect(await cache.get({ ...identity, request: { batch: 2 } })).toBeUndefined();
    expect(await cache.get({ ...identity, request: { batch: 1 } })).toBeDefined();
  });

  it("is empty where nothing can be written", async () => {
    const file = path.join(folder, "a file");
    await writeFile(file, "");
    const cache = new GradientCache(path.join(file, "below"));
    expect(await cache.put(identity, Uint8Array.of(1))).toBeUndefined();
    expect(await cache.get(identity)).toBeUndefined();
  });

  it("lies in the user's cache folder", () => {
    const before = process.env["XDG_CACHE_HOME"];
    process.env["XDG_CACHE_HOME"] = folder;
    expect(defaultCacheFolder()).toBe(path.join(folder, "cytolens", "gradients"));
    process.env["XDG_CACHE_HOME"] = "relative";
    expect(defaultCacheFolder()).toBe(path.join(os.homedir(), ".cache", "cytolens", "gradients"));
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
  });
});
