import * as fc from "fast-check";
import { ModelError } from "../../lib/contract/errors";
import { findStateDictionary } from "../../lib/checkpoints/find-state-dictionary";
import { readPickle } from "../../lib/checkpoints/read-pickle";
import { readPyTorch } from "../../lib/checkpoints/read-pytorch";
import { torchVocabulary } from "../../lib/checkpoints/torch-vocabulary";
import { inMemory } from "./in-memory";
import { call, dictionary, named, orderedDictionary, pickle, tuple } from "./pickler";
import { realLegacy, realZip } from "./real-files";
import { storage, tensor, torchLegacy, torchZip } from "./torch-save";

const one = storage("0", "FloatStorage", Float32Array.of(1, 2, 3, 4));
const w = tensor(one, { size: [4] });

/** Read, or refused by a named error, with no more taken from the file than a few times its size. */
async function isHandled(bytes: Uint8Array): Promise<void> {
  const file = inMemory(bytes);
  await readPyTorch(file).catch((error: unknown) => {
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).code).toMatch(/^checkpoint\./);
  });
  expect(file.total).toBeLessThanOrEqual(4 * bytes.length);
}

describe("any bytes", () => {
  const training = dictionary({
    epoch: 3,
    state_dict: orderedDictionary(
      { "module.w": w, "module.b": tensor(one, { size: [2], offset: 1 }) },
      dictionary({ a: 1 }),
    ),
    args: call(named("argparse", "Namespace"), tuple(), {
      isNew: true,
      state: dictionary({ lr: 0.1, seen: [true, 2n ** 70n] }),
    }),
  });
  const legacy = dictionary({ w: tensor(one, { size: [4] }, true) });
  const seeds = [
    realZip,
    realLegacy,
    torchZip(training, [one]),
    torchZip(pickle(training, 4), [one]),
    torchLegacy(legacy, [one]),
  ];

  const mutation = fc.record({
    seed: fc.nat({ max: seeds.length - 1 }),
    keep: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 4 }),
    changes: fc.array(fc.tuple(fc.double({ min: 0, max: 0.9999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
      maxLength: 6,
    }),
  });

  it("changed or cut files are read or refused by name", async () => {
    await fc.assert(
      fc.asyncProperty(mutation, async ({ seed, keep, changes }) => {
        const source = seeds[seed]!;
        const bytes = Buffer.from(source.subarray(0, Math.ceil((keep ?? 1) * source.length)));
        for (const [at, value] of changes) bytes[Math.floor(at * bytes.length)] = value;
        await isHandled(bytes);
      }),
      { numRuns: 4000, seed: 12 },
    );
  });

  it("every single byte of a pickle turned into every opcode that matters", () => {
    const letters = [..."(.0123PQRSVXabcdeghijloqrstu}])NC"].map((letter) => letter.charCodeAt(0));
    const body = pickle(training);
    const codes = new Set<unknown>();
    for (let at = 0; at < body.length; at++) {
      for (const code of [...letters, 0x80, 0x81, 0x85, 0x8a, 0x8b, 0x93, 0x95, 0xff]) {
        const bytes = Uint8Array.from(body);
        bytes[at] = code;
        try {
          findStateDictionary(readPickle(bytes, torchVocabulary()).value);
          codes.add("read");
        } catch (error) {
          codes.add(error instanceof ModelError ? error.code : error);
        }
      }
    }
    expect(codes).toEqual(
      new Set(["read", "checkpoint.invalid", "checkpoint.limit", "checkpoint.global", "checkpoint.state-dict"]),
    );
  });

  it("random opcodes are read or refused by name", async () => {
    const codes = Buffer.from("28293031324b4e51525d61626465686c7173747d7581858687", "hex");
    const more = Buffer.from("88898a8c8f909192939495a0", "hex");
    const opcode = fc.constantFrom(...codes, ...more);
    const piece = fc.oneof(
      { arbitrary: opcode.map((code) => [code]), weight: 6 },
      { arbitrary: fc.nat({ max: 4 }).map((index) => [0x68, index]), weight: 2 },
      fc
        .constantFrom("collections\nOrderedDict\n", "torch._utils\n_rebuild_tensor_v2\n", "torch\nSize\n", "a\nb\n")
        .map((name) => [0x63, ...Buffer.from(name)]),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 60 }), async (pieces) => {
        await isHandled(torchZip(Uint8Array.from([0x80, 2, ...pieces.flat(), 0x2e]), [one]));
      }),
      { numRuns: 4000, seed: 13 },
    );
  });
});
