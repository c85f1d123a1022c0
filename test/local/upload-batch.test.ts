import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { TransientError } from "../../lib/contract/errors";
import { defaultSettings } from "../../lib/contract/settings";
import { chooseFiles } from "../../lib/local/choose-files";
import { uploadBatch, type UploadOptions } from "../../lib/local/upload-batch";
import { FolderStore } from "../../lib/storage/folder-store";
import type { ObjectStore } from "../../lib/storage/object-store";

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-upload-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let folders = 0;
async function files(count: number): Promise<{ folder: string; chosen: Awaited<ReturnType<typeof chooseFiles>> }> {
  const folder = path.join(scratch, `slides-${++folders}`);
  await mkdir(path.join(folder, "deeper"), { recursive: true });
  for (let i = 0; i < count; i++)
    await writeFile(path.join(folder, i % 2 ? `deeper/${i}.png` : `${i} ä+.png`), `image ${i}`);
  return { folder, chosen: await chooseFiles([folder], { batch: "batch" }) };
}

/** A bucket that notes what is written, in order, and may fail now and then. */
function recorded(fail: (write: number) => boolean = () => false): { store: ObjectStore; written: string[] } {
  const inner = new FolderStore(path.join(scratch, `bucket-${++folders}`));
  const written: string[] = [];
  let writes = 0;
  const store = new Proxy<ObjectStore>(inner, {
    get(target, name) {
      if (name !== "write")
        return typeof target[name as keyof ObjectStore] === "function"
          ? (target[name as "read"] as unknown as () => void).bind(target)
          : target[name as keyof ObjectStore];
      return async (...args: Parameters<ObjectStore["write"]>) => {
        if (fail(writes++)) throw new TransientError("storage.unavailable", "503");
        written.push(args[0]);
        return target.write(...args);
      };
    },
  });
  return { store, written };
}

const options: UploadOptions = { settings: defaultSettings, ready: true, parallel: 4 };

test("settings go first and _READY last, with every image between", async () => {
  const { chosen } = await files(9);
  const { store, written } = recorded();
  expect(await uploadBatch(store, chosen, options)).toMatchObject({ uploaded: 9, thereAlready: 0, complete: true });
  expect(written[0]).toBe("incoming/batch/batch.json");
  expect(written.at(-1)).toBe("incoming/batch/_READY");
  expect(new Set(written).size).toBe(11);
  expect(written).toContain("incoming/batch/deeper/1.png");
});

test("a second try sends what is missing or changed, and nothing else", async () => {
  const { folder, chosen } = await files(6);
  const { store, written } = recorded();
  await uploadBatch(store, chosen, { ...options, ready: false });
  await writeFile(path.join(folder, "0 ä+.png"), "image X");
  utimesSync(path.join(folder, "0 ä+.png"), new Date(Date.now() + 5000), new Date(Date.now() + 5000));
  written.length = 0;
  expect(await uploadBatch(store, chosen, options)).toMatchObject({ uploaded: 1, thereAlready: 5, bytes: 7 });
  expect(written).toEqual(["incoming/batch/batch.json", "incoming/batch/0 ä+.png", "incoming/batch/_READY"]);
});

test("a service that is busy is asked again", async () => {
  const { chosen } = await files(4);
  const { store } = recorded((write) => write % 3 === 1);
  expect(await uploadBatch(store, chosen, options)).toMatchObject({ uploaded: 4, complete: true });
});

test("a file that cannot be read ends it: nothing goes on being uploaded after the error", async () => {
  const { folder, chosen } = await files(40);
  rmSync(path.join(folder, "0 ä+.png"));
  const { store, written } = recorded();
  await expect(uploadBatch(store, chosen, options)).rejects.toMatchObject({ code: "ENOENT" });
  const atTheError = [...written];
  expect(atTheError.length).toBeLessThan(40);
  const other = await files(40);
  expect(await uploadBatch(recorded().store, other.chosen, options)).toMatchObject({ uploaded: 40 });
  expect(written).toEqual(atTheError);
});

test("stopped in the middle, it leaves the batch open, and the next try goes on", async () => {
  const { chosen } = await files(12);
  const { store, written } = recorded();
  const stop = new AbortController();
  const first = await uploadBatch(store, chosen, {
    ...options,
    parallel: 1,
    stop: stop.signal,
    onProgress: () => {
      if (written.length > 4) stop.abort();
    },
  });
  expect(first).toMatchObject({ uploaded: 4, complete: false });
  expect(written).not.toContain("incoming/batch/_READY");
  expect(await uploadBatch(store, chosen, options)).toMatchObject({ uploaded: 8, thereAlready: 4, complete: true });
});

test("large files are streamed", async () => {
  const folder = path.join(scratch, "large");
  await mkdir(folder);
  await writeFile(path.join(folder, "slide.tif"), Buffer.alloc(17 * 2 ** 20, 7));
  const { store, written } = recorded();
  const chosen = await chooseFiles([folder], { batch: "large" });
  expect(await uploadBatch(store, chosen, options)).toMatchObject({ uploaded: 1, bytes: 17 * 2 ** 20 });
  expect(written).not.toContain("incoming/large/slide.tif");
  expect((await store.head("incoming/large/slide.tif" as never))?.size).toBe(17 * 2 ** 20);
});
