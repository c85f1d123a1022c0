import { refusal } from "./in-memory";
import {
  call,
  dictionary,
  named,
  orderedDictionary,
  persistent,
  pickle,
  raw,
  tuple,
  uint32,
  type Picklable,
} from "./pickler";
import { storage, tensor, torchLegacy, torchZip, zip, type Storage } from "./torch-save";

const one = storage("0", "FloatStorage", Float32Array.of(1, 2, 3, 4));
const w = tensor(one, { size: [4] });
const zipOf = (value: Picklable): Uint8Array => torchZip(value, [one]);
const mebibyte = 2 ** 20;

const payload = (module: string, name: string): Picklable => call(named(module, name), tuple("echo"));

describe("names that act are refused wherever they stand, and named", () => {
  const acting: [string, string][] = [
    ["os", "system"],
    ["posix", "system"],
    ["nt", "system"],
    ["subprocess", "Popen"],
    ["builtins", "eval"],
    ["builtins", "getattr"],
    ["builtins", "__import__"],
    ["__builtin__", "exec"],
    ["importlib", "import_module"],
    ["runpy", "run_path"],
    ["pickle", "loads"],
    ["torch.hub", "load"],
    ["torch", "load"],
    ["torch", "os.system"],
    ["numpy.testing._private.utils", "runstring"],
    ["pathlib", "Path.unlink"],
    ["operator", "attrgetter"],
    ["copy_reg", "add_extension"],
  ];
  const places: [string, (harm: Picklable) => Picklable][] = [
    ["as the whole", (harm) => harm],
    ["among the weights", (harm) => dictionary({ w, harm })],
    ["beside the weights", (harm) => dictionary({ state_dict: dictionary({ w }), optimizer: [harm] })],
    [
      "as a key",
      (harm) =>
        new Map<Picklable, Picklable>([
          ["w", w],
          [harm, 1],
        ]),
    ],
    ["in the state of a state dictionary", (harm) => orderedDictionary({ w }, dictionary({ _metadata: harm }))],
    ["in what an unknown class is given", (harm) => dictionary({ w, a: call(named("a", "B"), tuple(harm)) })],
    ["as a function for another", (harm) => dictionary({ w, a: call(harm, tuple(harm)) })],
    [
      "in a tensor's parameters",
      (harm) => dictionary({ w: call(named("torch._utils", "_rebuild_tensor_v2"), tuple(harm)) }),
    ],
    ["as a storage", (harm) => dictionary({ w: persistent(tuple("storage", harm, "0", "cpu", 4)) })],
    ["thrown away", (harm) => [harm, raw(0x30), w]],
  ];

  it.each(acting)("%s.%s", async (module, name) => {
    for (const protocol of [2, 4] as const) {
      for (const [place, of] of places) {
        const answer = await refusal(torchZip(pickle(of(payload(module, name)), protocol), [one]));
        expect({ place, answer }).toEqual({ place, answer: expect.stringMatching(/^checkpoint\.global: /) });
        expect(answer).toContain(name);
      }
    }
    const legacy = torchLegacy(dictionary({ a: payload(module, name) }), []);
    expect(await refusal(legacy)).toMatch(/^checkpoint\.global: /);
  });

  it("shows names without what a terminal would obey, and no more than a line of them", async () => {
    const answer = await refusal(
      zipOf(dictionary({ w, v: call(named("a", "\u001B[2J\u202E" + "x".repeat(500)), tuple()) })),
    );
    expect(answer).toContain("a.\\u{1b}[2J\\u{202e}xxx");
    expect(answer.length).toBeLessThan(400);
    expect(await refusal(zipOf(dictionary({ w, v: call(named("a", "x".repeat(2000)), tuple()) })))).toMatch(
      /^checkpoint\.limit: /,
    );
  });
});

describe("pickles that would fill memory or never end", () => {
  const list = [...uint32(0x7fffffff)];
  const wide = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  it.each<[string, Uint8Array, RegExp]>([
    ["an integer of two gigabytes", Uint8Array.of(0x80, 2, 0x8b, ...list, 1, 0x2e), /limit: Expected an integer/],
    [
      "an integer of negative length",
      Uint8Array.of(0x80, 2, 0x8b, 255, 255, 255, 255, 1, 0x2e),
      /limit: Expected an integer/,
    ],
    ["a text of two gigabytes", Uint8Array.of(0x80, 2, 0x58, ...list, 1, 0x2e), /invalid: .*cut short/],
    ["a text of 2^63 bytes", Uint8Array.of(0x80, 4, 0x8d, ...wide, 1, 0x2e), /invalid: .*cut short/],
    ["bytes of 2^63", Uint8Array.of(0x80, 4, 0x8e, ...wide, 1, 0x2e), /invalid: .*cut short/],
    ["a frame of 2^63 bytes", Uint8Array.of(0x80, 4, 0x95, ...wide, 0x4e), /invalid: .*cut short/],
    ["no end", Uint8Array.of(0x80, 2, 0x4e), /invalid: .*cut short/],
    ["nothing to return", Uint8Array.of(0x80, 2, 0x2e), /invalid: .*value on the stack/],
    ["marks alone", new Uint8Array(3 * mebibyte).fill(0x28), /limit: .*2000000 steps/],
    ["values alone", new Uint8Array(3 * mebibyte).fill(0x7d), /limit: .*2000000 steps/],
    ["one value remembered again and again", bytesOf([0x4e], [0x71, 0], 2_000_000), /limit: .*2000000 steps/],
    ["values remembered far out", bytesOf([0x4e], [0x72, 255, 255, 255, 255], 10), /invalid: .*cut short/],
    ["protocol 0", Buffer.from("(lp0\n."), /invalid: .*opcode/],
    ["protocol 9", Uint8Array.of(0x80, 9, 0x4e, 0x2e), /invalid: .*protocol 9/],
    ["an extension code", Uint8Array.of(0x80, 2, 0x82, 1, 0x2e), /invalid: .*opcode 0x82/],
    ["buffers from outside", Uint8Array.of(0x80, 5, 0x97, 0x2e), /invalid: .*opcode 0x97/],
    ["what was never remembered", Uint8Array.of(0x80, 2, 0x68, 3, 0x2e), /invalid: .*remembered as 3/],
  ])("%s", async (_what, bytes, message) => {
    expect(await refusal(torchZip(bytes, []))).toMatch(message);
  });

  it("copies of copies", async () => {
    const many = Array.from({ length: 10_000 }, () => tuple("k", null));
    const remembered = pickle(tuple(named("collections", "OrderedDict"), many));
    // Nothing of the tuple is needed but what was remembered: the class as 0, the list as 1.
    const copies = Array.from({ length: 10_000 }, () => [0x68, 0, 0x68, 1, 0x85, 0x52]).flat();
    expect(
      await refusal(torchZip(Buffer.concat([remembered.subarray(0, -1), Buffer.from([...copies, 0x2e])]), [])),
    ).toMatch(/^checkpoint\.limit: .*steps/);
  });

  it("doubling, nesting without end, and lists that hold themselves are read as data", async () => {
    const doubling = Uint8Array.from([0x80, 2, 0x4e, ...Array.from({ length: 1000 }, () => [0x32, 0x86]).flat(), 0x2e]);
    const nested = Uint8Array.from([0x80, 2, 0x4e, ...Array<number>(500_000).fill(0x85), 0x2e]);
    const circular = Uint8Array.of(0x80, 2, 0x5d, 0x71, 0, 0x68, 0, 0x61, 0x2e);
    for (const bytes of [doubling, nested, circular]) {
      expect(await refusal(torchZip(bytes, []))).toMatch(/^checkpoint\.state-dict: /);
    }
  });
});

describe("tensors that lie", () => {
  const huge = 2 ** 40;
  const file = (view: Parameters<typeof tensor>[1], of: Storage = one) =>
    torchZip(dictionary({ w: tensor(of, view) }), [one]);
  it.each<[string, Uint8Array, RegExp]>([
    ["a shape beyond the storage", file({ size: [5] }), /invalid: .*16 bytes of storage 0 .*received 20/],
    ["an offset beyond it", file({ size: [1], offset: 4 }), /invalid: .*16 bytes of storage 0/],
    ["strides beyond it", file({ size: [2], stride: [4] }), /invalid: .*16 bytes of storage 0/],
    ["a negative offset", file({ size: [1], offset: -1 }), /invalid: .*offset/],
    ["a negative extent", file({ size: [-1] }), /invalid: .*shape/],
    ["a fraction as extent", file({ size: [1.5] }), /invalid: .*shape/],
    ["strides for other axes", file({ size: [1, 1], stride: [1] }), /invalid: .*2 strides/],
    ["sixty-five axes", file({ size: Array<number>(65).fill(1) }), /limit: .*64 axes/],
    [
      "one element a trillion times",
      file({ size: [huge], stride: [0] }),
      /limit: Expected tensors of at most the file's/,
    ],
    [
      "extents beyond numbers",
      file({ size: Array<number>(60).fill(huge), stride: Array<number>(60).fill(0) }),
      /limit: /,
    ],
    ["a storage of another length", file({ size: [4] }, { ...one, elements: 5 }), /invalid: Expected 20 bytes/],
    [
      "a storage that is not there",
      file({ size: [4] }, { ...one, key: "../data.pkl" }),
      /invalid: Expected the data of/,
    ],
    ["a storage of a terabyte", file({ size: [4] }, { ...one, elements: huge }), /limit: |invalid: /],
    ["a class that is no storage", file({ size: [4] }, { ...one, type: "float32" }), /invalid: .*class of storages/],
    [
      "views that outgrow the file",
      zipOf(
        dictionary(
          Object.fromEntries(
            Array.from({ length: 9 }, (_, a) => Array.from({ length: 99 }, (_, b) => [`${a}/${b}`, { a, b }] as const))
              .flat()
              .map(([name, { a, b }]) => [name, tensor(one, { size: [200, 4, a + 1, b + 1], stride: [0, 1, 0, 0] })]),
          ),
        ),
      ),
      /limit: Expected tensors of at most the file's/,
    ],
  ])("%s", async (_what, bytes, message) => {
    expect(await refusal(bytes)).toMatch(message);
  });

  it("of the older format", async () => {
    const good = torchLegacy(dictionary({ w: tensor(one, { size: [4] }, true) }), [one]);
    expect(await refusal(good)).toBe("read");
    expect(await refusal(good.subarray(0, -1))).toMatch(/invalid: .*cut short/);
    const lied = Buffer.from(good);
    lied.writeUInt32LE(2 ** 31, good.length - 24);
    expect(await refusal(lied)).toMatch(/invalid: Expected 16 bytes for storage 0 /);
    const sliced = call(
      named("torch._utils", "_rebuild_tensor_v2"),
      tuple(
        persistent(tuple("storage", named("torch", "FloatStorage"), "0", "cpu", 4, tuple("1", 0, 2))),
        0,
        tuple(1),
        tuple(1),
        false,
      ),
    );
    expect(await refusal(torchLegacy(dictionary({ w: sliced }), [one]))).toMatch(/invalid: .*slices/);
    expect(await refusal(torchLegacy(dictionary({ w }), []))).toMatch(/invalid: Expected the data of storage 0/);
  });
});

describe("zip archives that lie", () => {
  const good = Buffer.from(zipOf(dictionary({ w })));
  const central = (name: string): number => good.lastIndexOf(`archive/${name}`) - 46;
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  };
  const end = good.length - 22;
  it.each<[string, Buffer, RegExp]>([
    [
      "a size beyond the file",
      changed((b) => [20, 24].forEach((at) => b.writeUInt32LE(0x7fffffff, central("data/0") + at))),
      /invalid: /,
    ],
    [
      "a pickle of 60 MB",
      changed((b) => [20, 24].forEach((at) => b.writeUInt32LE(60_000_000, central("data.pkl") + at))),
      /invalid: .*cut short/,
    ],
    [
      "a pickle longer than any",
      changed((b) => [20, 24].forEach((at) => b.writeUInt32LE(70_000_000, central("data.pkl") + at))),
      /limit: Expected a pickle of at most/,
    ],
    [
      "compressed data",
      changed((b) => b.writeUInt16LE(8, central("data/0") + 10)),
      /invalid: .*compressed entry \(method 8\)/,
    ],
    ["encrypted data", changed((b) => b.writeUInt16LE(0x0809, central("data/0") + 8)), /invalid: .*encrypted/],
    ["another checksum", changed((b) => b.writeUInt32LE(7, central("data/0") + 16)), /invalid: .*checksum/],
    [
      "a header elsewhere",
      changed((b) => b.writeUInt32LE(3, central("data/0") + 42)),
      /invalid: .*header of archive\/data\/0/,
    ],
    [
      "a directory beyond the file",
      changed((b) => b.writeBigUInt64LE(2n ** 40n, end - 20 - 56 + 48)),
      /invalid: .*cut short/,
    ],
    [
      "a directory of a terabyte",
      changed((b) => b.writeBigUInt64LE(2n ** 40n, end - 20 - 56 + 40)),
      /limit: .*zip directory/,
    ],
    ["a directory of 2^64 bytes", changed((b) => b.fill(255, end - 20 - 56 + 40, end - 20 - 56 + 48)), /invalid: /],
    ["a 64-bit directory that is none", changed((b) => b.writeBigUInt64LE(0n, end - 20 + 8)), /invalid: .*64-bit/],
    ["a name beyond the directory", changed((b) => b.writeUInt16LE(0xffff, central("version") + 28)), /invalid: /],
    [
      "an entry twice",
      zip([1, 2].map(() => ({ name: "a/data.pkl", data: Buffer.from([0x80]) }))),
      /invalid: Expected one entry/,
    ],
    [
      "two pickles",
      zip(["a", "b"].map((a) => ({ name: `${a}/data.pkl`, data: Buffer.from([0x80]) }))),
      /invalid: Expected one data\.pkl/,
    ],
    [
      "an unknown byte order",
      torchZip(dictionary({ w }), [one], { entries: { byteorder: "middle" } }),
      /invalid: .*middle/,
    ],
  ])("%s", async (_what, bytes, message) => {
    expect(await refusal(bytes)).toMatch(message);
  });

  it("reads 64-bit sizes from the extra field, and directories without a 64-bit end", async () => {
    const at = central("data/0");
    const name = "archive/data/0".length;
    const extra = Buffer.alloc(28);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    [24, 20, 42].forEach((field, index) =>
      extra.writeBigUInt64LE(BigInt(good.readUInt32LE(at + field)), 4 + 8 * index),
    );
    const entry = Buffer.from(good.subarray(at, at + 46 + name));
    [20, 24, 42].forEach((field) => entry.writeUInt32LE(0xffffffff, field));
    entry.writeUInt16LE(28, 30);
    const last = Buffer.from(good.subarray(end));
    last.writeUInt32LE(good.readUInt32LE(end + 12) + 28, 12);
    const wide = Buffer.concat([good.subarray(0, at), entry, extra, good.subarray(at + 46 + name, end - 76), last]);
    expect(await refusal(wide)).toBe("read");
  });
});

function bytesOf(before: readonly number[], repeated: readonly number[], times: number): Uint8Array {
  const bytes = new Uint8Array(before.length + repeated.length * times);
  bytes.set(before);
  for (let at = 0; at < times; at++) bytes.set(repeated, before.length + at * repeated.length);
  return bytes;
}
