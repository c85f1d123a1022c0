import { call, dictionary, named, orderedDictionary, pickle, raw, tuple, type Picklable } from "./pickler";
import { read, refusal } from "./in-memory";
import { realLegacy, realZip } from "./real-files";
import { rebuildParameters, storage, tensor, torchLegacy, torchZip, zip, type Storage } from "./torch-save";

const floats = (key: string, ...values: number[]): Storage => storage(key, "FloatStorage", Float32Array.from(values));
const one = floats("0", 1.5);
const w = tensor(one, { size: [1] });
const long7 = storage("9", "LongStorage", BigInt64Array.of(7n));
const count = tensor(long7, { size: [] });

/** A value that torch.save would be given, read back from the zip format: its tensors as plain lists. */
async function values(picklable: Picklable, ...storages: Storage[]): Promise<Record<string, number[]>> {
  const { tensors } = await read(torchZip(picklable, storages));
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, Array.from(data as Float32Array, Number)]));
}

describe("files of PyTorch itself", () => {
  it("are what the tests' own writer writes, byte for byte", () => {
    const serializationId = /serialization_idFB..Z+(\d{40})/s.exec(realZip.toString("latin1"))?.[1] ?? "";
    const written = torchZip(dictionary({ w }), [one], { name: "tiny", serializationId });
    expect(written.equals(realZip)).toBe(true);
    const atAddress = floats("94840354316432", 1.5);
    const legacy = torchLegacy(dictionary({ w: tensor(atAddress, { size: [1] }, true) }), [atAddress]);
    expect(legacy.equals(realLegacy)).toBe(true);
  });

  it.each([
    ["pytorch-zip", realZip],
    ["pytorch-legacy", realLegacy],
  ])("are read: %s", async (format, bytes) => {
    expect(await read(bytes)).toEqual({
      format,
      notes: [],
      tensors: new Map([["w", { dataType: "float32", dims: [1], data: Float32Array.of(1.5) }]]),
    });
  });
});

describe("tensors", () => {
  const grid = floats("0", ...Array.from({ length: 24 }, (_, index) => index));

  it("come in row-major order whatever their strides, from shared storages too", async () => {
    const transposed = tensor(grid, { size: [6, 4], stride: [1, 6] });
    const part = tensor(grid, { offset: 6, size: [2, 3], stride: [6, 2] });
    const tail = tensor(grid, { offset: 20, size: [2, 2] });
    expect(await values(dictionary({ transposed, part, tail }), grid)).toEqual({
      transposed: Array.from({ length: 24 }, (_, index) => Math.floor(index / 4) + 6 * (index % 4)),
      part: [6, 8, 10, 12, 14, 16],
      tail: [20, 21, 22, 23],
    });
  });

  it("share one tensor where names are tied, and repeat elements of stride 0", async () => {
    const whole = tensor(grid, { size: [24] });
    const repeated = tensor(grid, { offset: 3, size: [2, 2], stride: [0, 0] });
    const bytes = torchZip(dictionary({ a: whole, b: whole, c: tensor(grid, { size: [24] }), repeated }), [grid]);
    const { tensors } = await read(bytes);
    expect(tensors.get("b")).toBe(tensors.get("a"));
    expect(tensors.get("c")).toBe(tensors.get("a"));
    expect(tensors.get("repeated")?.data).toEqual(Float32Array.of(3, 3, 3, 3));
  });

  it("become float32 from float16, bfloat16 and float64; whole numbers and bools stay", async () => {
    const half = storage("1", "HalfStorage", Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff));
    const brain = storage("2", "BFloat16Storage", Uint16Array.of(0x3f80, 0xc049));
    const double = storage("3", "DoubleStorage", Float64Array.of(0.1, -2));
    const bool = storage("4", "BoolStorage", Uint8Array.of(1, 0));
    const views = {
      half: tensor(half, { size: [4] }),
      brain: tensor(brain, { size: [2] }),
      double: tensor(double, { size: [2] }),
      bool: tensor(bool, { size: [2] }),
      count,
    };
    const { tensors } = await read(torchZip(dictionary(views), [half, brain, double, bool, long7]));
    expect(Object.fromEntries([...tensors].map(([name, { data }]) => [name, data]))).toEqual({
      half: Float32Array.of(1, -2, 2 ** -24, 65504),
      brain: Float32Array.of(1, -3.140625),
      double: Float32Array.of(0.1, -2),
      bool: Uint8Array.of(1, 0),
      count: BigInt64Array.of(7n),
    });
    expect(tensors.get("count")).toMatchObject({ dataType: "int64", dims: [] });
  });

  it("are read from untyped storages, parameters, tensors with attributes, and big-endian machines", async () => {
    const bytes = storage("0", "UntypedStorage", Float32Array.of(1, 2));
    const [identity, offset, size, stride, ...more] = rebuildParameters(bytes, { size: [2] }).items as never[];
    const parameters = tuple(identity!, offset!, size!, stride!, ...more, named("torch", "float32"));
    const untyped = call(named("torch._utils", "_rebuild_tensor_v3"), parameters);
    const parameter = call(named("torch._utils", "_rebuild_parameter"), tuple(untyped, true, orderedDictionary({})));
    const attributed = call(
      named("torch._tensor", "_rebuild_from_type_v2"),
      tuple(named("torch._utils", "_rebuild_tensor_v3"), named("torch", "Tensor"), parameters, dictionary({ a: 1 })),
    );
    expect(await values(dictionary({ untyped, parameter, attributed }), bytes)).toEqual({
      untyped: [1, 2],
      parameter: [1, 2],
      attributed: [1, 2],
    });

    const reversed = storage("0", "FloatStorage", Uint8Array.of(0x3f, 0xc0, 0, 0));
    const zipped = torchZip(dictionary({ w }), [reversed], { entries: { byteorder: "big" } });
    const old = torchLegacy(dictionary({ w: tensor(reversed, { size: [1] }, true) }), [reversed], {
      littleEndian: false,
    });
    for (const file of [zipped, old]) expect((await read(file)).tensors.get("w")?.data).toEqual(Float32Array.of(1.5));
  });

  it.each([
    ["NaN", storage("0", "FloatStorage", Float32Array.of(1, Number.NaN)), /NaN as element 1 of layer\.w$/],
    ["an infinity", storage("0", "HalfStorage", Uint16Array.of(0xfc00, 0)), /-Infinity as element 0 of layer\.w$/],
    ["what float32 cannot hold", storage("0", "DoubleStorage", Float64Array.of(0, 1e39)), /Infinity as element 1/],
  ])("are refused with %s", async (_what, of, message) => {
    const answer = await refusal(torchZip(dictionary({ "layer.w": tensor(of, { size: [2] }) }), [of]));
    expect(answer).toMatch(/^checkpoint\.not-finite/);
    expect(answer).toMatch(message);
  });

  it("are refused where their numbers are not real", async () => {
    const complex = storage("0", "ComplexFloatStorage", Float32Array.of(1, 2));
    const file = torchZip(dictionary({ w: tensor(complex, { size: [1] }) }), [complex]);
    expect(await refusal(file)).toMatch(/^checkpoint\.type: .*w but received complex64/);
  });
});

describe("weights within a checkpoint", () => {
  const namespace = call(named("argparse", "Namespace"), tuple(), { isNew: true, state: dictionary({ lr: 0.1 }) });
  const surroundings = {
    epoch: 3,
    optimizer: dictionary({ state: new Map([[0, dictionary({ step: w })]]), param_groups: [dictionary({ lr: 0.1 })] }),
    best: tensor(one, { size: [] }),
    args: namespace,
    big: 2n ** 70n,
    seen: call(named("__builtin__", "set"), tuple([1, 2])),
    device: call(named("torch", "device"), tuple("cuda", 0)),
    milestones: call(named("collections", "Counter"), tuple(new Map([[30, 1]]))),
    shape: call(named("torch", "Size"), tuple(tuple(1, 2))),
    path: call(named("pathlib", "PosixPath"), tuple("runs", "1")),
  };

  it.each(["state_dict", "model_state_dict", "model", "net", "ema"])("are found under %s", async (name) => {
    const file = torchZip(dictionary({ ...surroundings, [name]: orderedDictionary({ w }, dictionary({ _m: 1 })) }), [
      one,
    ]);
    const { tensors, notes } = await read(file);
    expect([...tensors.keys()]).toEqual(["w"]);
    expect(notes).toEqual([
      `The weights are those under ${name}`,
      "Objects beside the weights are left unread: argparse.Namespace, pathlib.PosixPath",
    ]);
  });

  it("are the trained ones before their average, and lie deeper too", async () => {
    const inner = dictionary({ state_dict: orderedDictionary({ w }) });
    const { notes } = await read(torchZip(dictionary({ ema: dictionary({ w }), model: inner }), [one]));
    expect(notes).toEqual(["The weights are those under model.state_dict", "Other weights are left unread: ema"]);
  });

  it("are the only dictionary of tensors where the name is unusual; of several, the person says which", async () => {
    const generator = dictionary({ w });
    expect((await read(torchZip(dictionary({ generator, step: 1 }), [one]))).notes).toEqual([
      "The weights are those under generator",
    ]);
    expect(await refusal(torchZip(dictionary({ generator, critic: generator }), [one]))).toMatch(
      /^checkpoint\.state-dict: .*2: generator, critic/,
    );
  });

  it("leave out plain data among them, and say so", async () => {
    const { tensors, notes } = await read(torchZip(dictionary({ w, anchors: [1, 2], "a._extra_state": null }), [one]));
    expect([...tensors.keys()]).toEqual(["w"]);
    expect(notes).toEqual(["Entries that are no tensors are left out: anchors, a._extra_state"]);
  });

  it("keep the last of equal names, as Python does", async () => {
    const other = floats("1", 2);
    const twice = new Map<Picklable, Picklable>([["w", w]]);
    twice.set(
      raw(
        ...pickle("w")
          .subarray(2, -1)
          .filter((_byte, index) => index < 6),
      ),
      tensor(other, { size: [1] }),
    );
    expect(await values(twice, one, other)).toEqual({ w: [2] });
  });

  it.each<[string, Picklable, RegExp]>([
    [
      "a whole module",
      call(named("models", "Net"), tuple(), { isNew: true, state: dictionary({ w }) }),
      /global: .*models\.Net/,
    ],
    [
      "a module under model",
      dictionary({ model: call(named("models", "Net"), tuple()) }),
      /global: .*"model".*models\.Net/,
    ],
    [
      "an array among the weights",
      dictionary({ w, v: call(named("numpy", "ndarray"), tuple(0)) }),
      /global: .*numpy\.ndarray as v/,
    ],
    ["arrays alone", dictionary({ v: call(named("numpy", "ndarray"), tuple(0)) }), /global: .*numpy\.ndarray as v/],
    ["a list", [w], /state-dict: .*received a list/],
    ["no tensors", dictionary({ epoch: 3, lr: 0.1 }), /state-dict: .*dictionary of epoch, lr$/],
    ["nothing", dictionary({}), /state-dict: .*dictionary of nothing$/],
  ])("are not %s", async (_what, picklable, message) => {
    expect(await refusal(torchZip(picklable, [one]))).toMatch(message);
  });
});

describe("formats", () => {
  it("are told apart by content, and each refusal says what came", async () => {
    const program = torchZip(dictionary({ w }), [one], { entries: { "constants.pkl": pickle(tuple()) } });
    expect(await refusal(program)).toMatch(/^checkpoint\.format: .*TorchScript program/);
    expect(await refusal(zip([{ name: "a.txt", data: Buffer.from("a") }]))).toMatch(/^checkpoint\.format: .*data\.pkl/);
    const loader = call(named("torch.storage", "_load_from_bytes"), tuple(new Uint8Array(3)));
    const plain = call(named("torch._utils", "_rebuild_tensor_v2"), tuple(loader, 0, tuple(1), tuple(1), false));
    expect(await refusal(pickle(dictionary({ w: plain })))).toMatch(/^checkpoint\.format: .*torch\.save did not write/);
    expect(await refusal(Buffer.from("not a checkpoint"))).toMatch(/^checkpoint\.format/);
    expect(await refusal(new Uint8Array(0))).toMatch(/^checkpoint\.format/);
  });

  it("are read in protocol 4, without checksums, and without the entries of newer versions", async () => {
    const file = torchZip(pickle(orderedDictionary({ w, count }), 4), [one, long7], {
      checksums: false,
      entries: { byteorder: null, ".format_version": null, ".storage_alignment": null, ".data/serialization_id": null },
    });
    expect([...(await read(file)).tensors.keys()]).toEqual(["w", "count"]);
  });
});
