import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { EnvironmentError } from "../../lib/contract/errors";
import { sha256Of } from "../../lib/contract/digests";
import type { ObjectKey } from "../../lib/contract/names";
import { fileError } from "../../lib/storage/file-errors";
import { FolderStore } from "../../lib/storage/folder-store";
import { listAll } from "../../lib/storage/object-store";
import { objectStoreContract } from "./object-store.contract";

const key = (text: string): ObjectKey => text as ObjectKey;
const folders: string[] = [];
const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-store-"));
  folders.push(folder);
  return folder;
};
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const failureWith = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code });
const keysOf = async (store: FolderStore, prefix = ""): Promise<string[]> => {
  const keys: string[] = [];
  for await (const facts of listAll(store, prefix)) keys.push(facts.key);
  return keys;
};

describe("a folder as a bucket keeps the store's promises", () => {
  objectStoreContract(async () => new FolderStore(await newFolder()));
});

describe("a folder as a bucket", () => {
  test("holds ordinary keys at ordinary paths, and ordinary files as objects", async () => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    await store.write(key("results/batch/report.html"), "<p>hello</p>");
    expect(await readFile(path.join(folder, "results/batch/report.html"), "utf8")).toBe("<p>hello</p>");
    await mkdir(path.join(folder, "incoming/batch"), { recursive: true });
    for (const name of ["50%.png", "a%2Bb.png", "%~x.png", "Zellen 3.JPG"])
      await writeFile(path.join(folder, "incoming/batch", name), name);
    expect(await keysOf(store, "incoming/")).toEqual(
      ["50%.png", "%~x.png", "Zellen 3.JPG", "a%2Bb.png"].map((name) => `incoming/batch/${name}`).sort(),
    );
    expect(Buffer.from((await store.read(key("incoming/batch/a%2Bb.png"))).body).toString()).toBe("a%2Bb.png");
  });

  test("gives a file copied twice the same ETag, and notices a file changed in place at once", async () => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    await writeFile(path.join(folder, "a"), "first");
    await writeFile(path.join(folder, "b"), "first");
    const before = await store.head(key("a"));
    expect((await store.head(key("b")))?.etag).toBe(before?.etag);
    await writeFile(path.join(folder, "a"), "other");
    expect((await store.head(key("a")))?.etag).not.toBe(before?.etag);
  });

  test("never shows what is half written, and leaves nothing of it", async () => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    const seen: string[][] = [];
    await store.writeStream(
      key("slow"),
      Readable.from(
        (async function* () {
          yield Buffer.from("one");
          seen.push(await keysOf(store));
          yield Buffer.from("two");
        })(),
      ),
    );
    expect(seen).toEqual([[]]);
    expect(await readdir(path.join(folder, ".cytolens/tmp"))).toEqual([]);
  });

  test("does not let a key out of the folder", async () => {
    const folder = await newFolder();
    const store = new FolderStore(path.join(folder, "inner"));
    for (const name of ["../outside", "incoming/../../outside", "a/../../outside", "/etc/cytolens-test"])
      await store.write(key(name), "x");
    expect(await readdir(folder)).toEqual(["inner"]);
    expect((await keysOf(store)).sort()).toEqual([
      "../outside",
      "/etc/cytolens-test",
      "a/../../outside",
      "incoming/../../outside",
    ]);
  });

  test("takes linked files, and neither follows linked folders nor lists what is no file", async () => {
    const [folder, elsewhere] = [await newFolder(), await newFolder()];
    await writeFile(path.join(elsewhere, "a.png"), "a");
    await symlink(path.join(elsewhere, "a.png"), path.join(folder, "linked.png"));
    await symlink(elsewhere, path.join(folder, "loop"));
    await symlink(path.join(elsewhere, "gone"), path.join(folder, "dangling.png"));
    expect(await keysOf(new FolderStore(folder))).toEqual(["linked.png"]);
  });

  test("takes over the lock of a process that was killed", async () => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    const { etag } = await store.write(key("a"), "first");
    const gone = await promisify(execFile)(process.execPath, ["-p", "process.pid"]);
    const locks = path.join(folder, ".cytolens/locks");
    await writeFile(path.join(locks, `${sha256Of("a")}.lock`), `${gone.stdout.trim()} x`);
    await store.write(key("a"), "second", { only: { ifMatch: etag } });
    expect(await readdir(locks)).toEqual([]);
  });

  test("of writers in several processes exactly one replaces a version", async () => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    await store.write(key("counter"), "0");
    const script = `
      const { FolderStore } = require(${JSON.stringify(require.resolve("../../lib/storage/folder-store"))});
      (async () => {
        const store = new FolderStore(${JSON.stringify(folder)});
        for (let done = 0; done < 20;) {
          const { facts, body } = await store.read("counter");
          try { await store.write("counter", String(Number(Buffer.from(body).toString()) + 1), { only: { ifMatch: facts.etag } }); done++; }
          catch (error) { if (error.code !== "storage.precondition-failed") throw error; }
        }
      })().catch((error) => { console.error(error); process.exit(1); });`;
    await Promise.all([1, 2, 3].map(() => promisify(execFile)(process.execPath, ["-e", script])));
    expect(Buffer.from((await store.read(key("counter"))).body).toString()).toBe("60");
  });

  test("says what is wrong with the disk", () => {
    expect(fileError(failureWith("ENOSPC"), "writing")).toMatchObject({
      code: "storage.full",
      message: expect.stringContaining("make room"),
    });
    expect(fileError(failureWith("EACCES"), "writing")).toMatchObject({ code: "storage.denied" });
    expect(fileError(failureWith("EMFILE"), "writing")).toMatchObject({ code: "storage.busy" });
    expect(fileError(failureWith("ENOSPC"), "writing")).toBeInstanceOf(EnvironmentError);
  });
});
