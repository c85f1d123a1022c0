import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { FolderEvents } from "../../lib/local/folder-events";
import { FolderStore } from "../../lib/storage/folder-store";
import { uploadEventsContract } from "../protocol/upload-events.contract";

describe("a folder that is watched", () => {
  uploadEventsContract(async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-watched-"));
    const events = new FolderEvents(folder, 100);
    const told: string[] = [];
    events.on("created", (keys) => told.push(...keys));
    await events.start();
    const close = async (): Promise<void> => {
      await events.stop();
      await rm(folder, { recursive: true, force: true });
    };
    const news = async (): Promise<readonly string[]> => {
      await pause(50);
      return told.splice(0);
    };
    return { store: new FolderStore(folder), news, close };
  });
});
