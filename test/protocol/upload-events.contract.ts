import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { ObjectKey } from "../../lib/contract/names";
import type { ObjectStore } from "../../lib/storage/object-store";
import { awkwardKeys } from "../storage/object-store.contract";

export interface ToldUploads {
  readonly store: ObjectStore;
  /** Keys that were told since the last call; none where none comes within a second or so. */
  news(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const key = (text: string): ObjectKey => text as ObjectKey;
const patienceMilliseconds = 20_000;

/** What everything that tells of new objects under incoming/ promises: each is told at least once, by its key as the bucket has it. */
export function uploadEventsContract(create: () => Promise<ToldUploads>): void {
  let made: ToldUploads;
  beforeAll(async () => {
    made = await create();
  });
  afterAll(() => made?.close());

  /** Everything told until all that is waited for has been. */
  async function toldUntil(waited: readonly string[]): Promise<Set<string>> {
    const told = new Set<string>();
    for (
      const deadline = Date.now() + patienceMilliseconds;
      !waited.every((one) => told.has(one)) && Date.now() < deadline;
    ) {
      for (const one of await made.news()) told.add(one);
    }
    return told;
  }

  test("an object with any legal key is told by that key", async () => {
    const keys = awkwardKeys
      .map((text) => `incoming/keys/${text}`)
      .filter((text) => Buffer.byteLength(text) <= 1024)
      .map(key);
    for (const one of keys) await made.store.write(one, "x");
    expect([...(await toldUntil(keys))].sort()).toEqual([...keys].sort());
  });

  test("an object that is replaced is told again", async () => {
    await made.store.write(key("incoming/again/a.png"), "first");
    expect([...(await toldUntil(["incoming/again/a.png"]))]).toEqual(["incoming/again/a.png"]);
    await made.store.write(key("incoming/again/a.png"), "the second");
    expect([...(await toldUntil(["incoming/again/a.png"]))]).toEqual(["incoming/again/a.png"]);
  });

  test("what comes in parts is told when it is whole", async () => {
    const whole = key("incoming/parts/slide 1+2.tif");
    await made.store.writeStream(whole, Readable.from(Array.from({ length: 6 }, () => randomBytes(1 << 20))));
    expect([...(await toldUntil([whole]))]).toEqual([whole]);
    expect((await made.store.head(whole))?.size).toBe(6 << 20);
  });

  test("what lies elsewhere is not told", async () => {
    for (const one of ["results/batch/a.json", "runs/batch/b.json", "incomingx/c", "incoming"])
      await made.store.write(key(one), "x");
    await made.store.write(key("incoming/last/d.png"), "x");
    expect([...(await toldUntil(["incoming/last/d.png"]))]).toEqual(["incoming/last/d.png"]);
  });
}
