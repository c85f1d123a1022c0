import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { UserError } from "../../lib/contract/errors";
import { compareKeys, type ObjectKey } from "../../lib/contract/names";
import {
  listAll,
  ObjectNotFoundError,
  type ObjectStore,
  PreconditionFailedError,
} from "../../lib/storage/object-store";

const key = (text: string): ObjectKey => text as ObjectKey;
const textOf = (body: Uint8Array): string => Buffer.from(body).toString("utf8");

/** Keys that S3 takes and that file systems, URLs, XML or C make trouble with. */
export const awkwardKeys: readonly string[] = [
  "plain/image.png",
  "plus/a+b.png",
  "percent/a%2Bb.png",
  "percent/100%.png",
  "space/a b c.png",
  " leading and trailing /x ",
  "accent/é-composed.png",
  "accent/é-decomposed.png",
  "case/IMAGE.png",
  "case/image.png",
  "case/Image.png",
  "quote/'\"`.png",
  'markup/<a href="x">&amp;.png',
  "back\\slash/a\\b.png",
  "colon/a:b|c?d*e.png",
  "line\nbreak/a\nb\r\n.png",
  "tab\t/a\tb",
  "bell/\u0007.png",
  "emoji/🔬🧫.png",
  "cjk/細胞.png",
  "rtl/\u202egnp.exe",
  "hash/#fragment?query=1&x=y",
  "equals/=cmd|' /C calc'!A0",
  "tilde~/~a",
  "dot/.hidden",
  "double//slash.png",
  "/leading/slash.png",
  "trailing/folder/",
  "CON/nul.txt",
  "end/with.",
  "end/with-space ",
  `long/${"x".repeat(250)}/${"y".repeat(250)}.png`,
  `longest/${"z".repeat(1024 - "longest/".length)}`,
  "up/../../etc/passwd",
  "../outside.png",
  "./here.png",
  "dots/..",
  "nul/a\u0000b.png",
];

export interface ContractOptions {
  /** Tests that the surroundings, not the store, are known to fail; that they still do is tested. */
  readonly known?: readonly string[];
}

/** What every ObjectStore promises; `create` gives an empty one. */
export function objectStoreContract(create: () => Promise<ObjectStore>, { known = [] }: ContractOptions = {}): void {
  const promised = (name: string, check: () => Promise<void>): void =>
    known.includes(name) ? test.failing(`${name}: fails, as is known`, check) : test(name, check);
  let store: ObjectStore;
  beforeAll(async () => {
    store = await create();
  });

  const keysUnder = async (prefix: string, options: Parameters<typeof listAll>[2] = {}): Promise<string[]> => {
    const keys: string[] = [];
    for await (const facts of listAll(store, prefix, options)) keys.push(facts.key);
    return keys;
  };

  test("what was written is read back, with its facts", async () => {
    const body = randomBytes(100_000);
    const { etag } = await store.write(key("facts/a.bin"), body, { contentType: "application/octet-stream" });
    const read = await store.read(key("facts/a.bin"));
    expect(Buffer.compare(Buffer.from(read.body), body)).toBe(0);
    expect(read.facts).toMatchObject({ key: "facts/a.bin", etag, size: 100_000 });
    expect(Math.abs(read.facts.lastModified.getTime() - Date.now())).toBeLessThan(60_000);
    expect(await store.head(key("facts/a.bin"))).toEqual(read.facts);
    expect(etag).not.toContain('"');
  });

  test("the same content has the same ETag, other content another", async () => {
    const first = await store.write(key("etag/a"), "one");
    const second = await store.write(key("etag/b"), "one");
    const third = await store.write(key("etag/b"), "two");
    expect(second.etag).toBe(first.etag);
    expect(third.etag).not.toBe(first.etag);
  });

  test("an empty object is an object", async () => {
    await store.write(key("empty/none"), "");
    expect((await store.read(key("empty/none"))).body).toHaveLength(0);
    expect((await store.head(key("empty/none")))?.size).toBe(0);
  });

  test("what is not there is not found", async () => {
    await expect(store.read(key("absent/a"))).rejects.toBeInstanceOf(ObjectNotFoundError);
    await expect(store.readStream(key("absent/a"))).rejects.toBeInstanceOf(ObjectNotFoundError);
    expect(await store.head(key("absent/a"))).toBeUndefined();
    await expect(store.delete(key("absent/a"))).resolves.toBeUndefined();
    expect(await keysUnder("absent/")).toEqual([]);
  });

  test("deleting leaves nothing", async () => {
    await store.write(key("deleted/a"), "one");
    await store.delete(key("deleted/a"));
    expect(await store.head(key("deleted/a"))).toBeUndefined();
    expect(await keysUnder("deleted/")).toEqual([]);
  });

  test("creating where there is something is refused, and changes nothing", async () => {
    await store.write(key("create/a"), "first", { only: "create" });
    await expect(store.write(key("create/a"), "second", { only: "create" })).rejects.toBeInstanceOf(
      PreconditionFailedError,
    );
    expect(textOf((await store.read(key("create/a"))).body)).toBe("first");
  });

  test("of many racing creators exactly one wins", async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => store.write(key("race/create"), `creator ${index}`, { only: "create" })),
    );
    const winners = attempts.flatMap((attempt, index) => (attempt.status === "fulfilled" ? [index] : []));
    expect(winners).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === "rejected") expect(attempt.reason).toBeInstanceOf(PreconditionFailedError);
    expect(textOf((await store.read(key("race/create"))).body)).toBe(`creator ${winners[0]}`);
  });

  test("replacing holds to the ETag that was seen", async () => {
    const { etag } = await store.write(key("replace/a"), "first");
    const second = await store.write(key("replace/a"), "second", { only: { ifMatch: etag } });
    await expect(store.write(key("replace/a"), "third", { only: { ifMatch: etag } })).rejects.toBeInstanceOf(
      PreconditionFailedError,
    );
    expect((await store.read(key("replace/a"))).facts.etag).toBe(second.etag);
    await expect(store.write(key("replace/absent"), "x", { only: { ifMatch: etag } })).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^storage\.(not-found|precondition-failed)$/) }),
    );
  });

  test("of many racing replacements of one version exactly one wins", async () => {
    const { etag } = await store.write(key("race/replace"), "first");
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        store.write(key("race/replace"), `writer ${index}`, { only: { ifMatch: etag } }),
      ),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("reading holds to the ETag that was seen", async () => {
    const { etag } = await store.write(key("match/a"), "first");
    expect(textOf((await store.read(key("match/a"), { ifMatch: etag })).body)).toBe("first");
    await store.write(key("match/a"), "second");
    await expect(store.read(key("match/a"), { ifMatch: etag })).rejects.toBeInstanceOf(PreconditionFailedError);
    await expect(store.readStream(key("match/a"), { ifMatch: etag })).rejects.toBeInstanceOf(PreconditionFailedError);
  });

  test("a range is read with both ends included, and ends where the object does", async () => {
    await store.write(key("range/a"), "0123456789");
    expect(textOf((await store.read(key("range/a"), { range: { first: 2, last: 4 } })).body)).toBe("234");
    expect(textOf((await store.read(key("range/a"), { range: { first: 8, last: 100 } })).body)).toBe("89");
    await expect(store.read(key("range/a"), { range: { first: 10, last: 12 } })).rejects.toBeInstanceOf(UserError);
  });

  test("streams of unknown length go in and out", async () => {
    const chunk = randomBytes(1 << 16);
    const chunks = 112; // 7 MiB: more than one part of a multipart upload
    const hash = createHash("sha256");
    const { etag } = await store.writeStream(
      key("stream/a"),
      Readable.from(
        (function* () {
          for (let index = 0; index < chunks; index++) {
            hash.update(chunk);
            yield chunk;
          }
        })(),
      ),
      { only: "create", contentType: "application/octet-stream" },
    );
    const { facts, body } = await store.readStream(key("stream/a"));
    const back = createHash("sha256");
    for await (const part of body) back.update(part as Buffer);
    expect(facts).toMatchObject({ etag, size: chunks * chunk.length });
    expect(back.digest("hex")).toBe(hash.digest("hex"));
    await expect(store.writeStream(key("stream/a"), Readable.from([chunk]), { only: "create" })).rejects.toBeInstanceOf(
      PreconditionFailedError,
    );
  });

  test("a stream that breaks leaves nothing", async () => {
    const broken = Readable.from(
      (function* () {
        yield randomBytes(1 << 16);
        throw new Error("the source broke");
      })(),
    );
    await expect(store.writeStream(key("broken/a"), broken)).rejects.toThrow("the source broke");
    expect(await keysUnder("broken/")).toEqual([]);
  });

  test("keys with any legal character are told apart, read back and listed in the order of their bytes", async () => {
    const keys = awkwardKeys
      .map((text) => `awkward/${text}`.slice(0, Buffer.byteLength(text) > 1000 ? 1024 : undefined))
      .map(key);
    for (const one of keys) await store.write(one, `content of ${one}`, { only: "create" });
    for (const one of keys) expect(textOf((await store.read(one)).body)).toBe(`content of ${one}`);
    expect(await keysUnder("awkward/")).toEqual([...keys].sort(compareKeys));
    for (const one of keys) await store.delete(one);
    expect(await keysUnder("awkward/")).toEqual([]);
  });

  promised("such keys are listed in that order over pages", async () => {
    const keys = awkwardKeys.map((text) => `pages/${text}`.slice(0, 1024)).map(key);
    for (const one of keys) await store.write(one, "");
    expect(await keysUnder("pages/", { pageSize: 3 })).toEqual([...keys].sort(compareKeys));
  });

  test("an object may have the name of a folder", async () => {
    await store.write(key("both/a"), "object");
    await store.write(key("both/a/b"), "below");
    await store.write(key("both/c/d"), "below");
    await store.write(key("both/c"), "object");
    expect(await keysUnder("both/")).toEqual(["both/a", "both/a/b", "both/c", "both/c/d"]);
    expect(textOf((await store.read(key("both/c"))).body)).toBe("object");
    expect(textOf((await store.read(key("both/a/b"))).body)).toBe("below");
  });

  describe("a listing", () => {
    const names = ["list/a-b", "list/a/1", "list/a/2", "list/a/b/3", "list/a0", "list/b", "list/\uffff", "list/🔬"];
    beforeAll(async () => {
      for (const name of names) await store.write(key(name), name);
    });

    promised("is in the order of UTF-8 bytes, whatever the size of its pages", async () => {
      const expected = [...names].sort(compareKeys);
      expect(expected.slice(0, 5)).toEqual(["list/a-b", "list/a/1", "list/a/2", "list/a/b/3", "list/a0"]);
      for (const pageSize of [1, 2, 3, 1000]) expect(await keysUnder("list/", { pageSize })).toEqual(expected);
    });

    test("has pages that can be asked for again, by another store", async () => {
      const first = await store.listPage("list/", { pageSize: 3 });
      const second = await store.listPage("list/", {
        pageSize: 3,
        ...(first.continuation === undefined ? {} : { continuation: first.continuation }),
      });
      const again = await store.listPage("list/", {
        pageSize: 3,
        ...(first.continuation === undefined ? {} : { continuation: first.continuation }),
      });
      expect(again.objects.map((object) => object.key)).toEqual(second.objects.map((object) => object.key));
    });

    test("takes a prefix that ends in the middle of a name", async () => {
      expect(await keysUnder("list/a")).toEqual(["list/a-b", "list/a/1", "list/a/2", "list/a/b/3", "list/a0"]);
      expect(await keysUnder("list/a/")).toEqual(["list/a/1", "list/a/2", "list/a/b/3"]);
    });

    promised("starts after a key, there or not", async () => {
      expect(await keysUnder("list/", { startAfter: "list/a/2" })).toEqual([
        "list/a/b/3",
        "list/a0",
        "list/b",
        "list/\uffff",
        "list/🔬",
      ]);
      expect(await keysUnder("list/", { startAfter: "list/a/1x", pageSize: 2 })).toEqual([
        "list/a/2",
        "list/a/b/3",
        "list/a0",
        "list/b",
        "list/\uffff",
        "list/🔬",
      ]);
    });

    promised("with a delimiter names folders once, over pages", async () => {
      const seen: string[] = [];
      let continuation: string | undefined;
      do {
        const page = await store.listPage("list/", {
          delimiter: "/",
          pageSize: 2,
          ...(continuation === undefined ? {} : { continuation }),
        });
        seen.push(...page.objects.map((object) => object.key), ...page.prefixes);
        continuation = page.continuation;
      } while (continuation !== undefined);
      expect(seen.sort(compareKeys)).toEqual(["list/a-b", "list/a/", "list/a0", "list/b", "list/\uffff", "list/🔬"]);
    });
  });
}
