import { array, assert as assertProperty, integer, nat, property, record } from "fast-check";
import { ModelError } from "../../lib/contract/errors";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import type { Graph, Model, Tensor } from "../../lib/onnx/model";
import { readModel } from "../../lib/onnx/read-model";
import { float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { runModel } from "./runtime";
import { message, modelBytes, node, packedVarints, valueInfo, type Field } from "./wire-bytes";

const x = valueInfo("x", 1, ["batch", 3]);
const y = valueInfo("y", 1, ["batch", 3]);
const reluGraph: Field[] = [
  [1, node("Relu", ["x"], ["y"])],
  [2, "g"],
  [11, x],
  [12, y],
];

function errorOf(bytes: Uint8Array): ModelError {
  try {
    readModel(bytes);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("Expected a ModelError");
}

function withInitializer(tensor: Field[]): Uint8Array {
  return modelBytes([...reluGraph, [5, tensor]]);
}

function floatData(value: number): Field {
  return [4, { float: value }];
}

function reference(name: string, outer: string): Field {
  return [
    5,
    [
      [1, name],
      [21, outer],
      [20, 1],
    ],
  ];
}

function float(name: string, value: number): Field {
  return [
    5,
    [
      [1, name],
      [2, { float: value }],
      [20, 1],
    ],
  ];
}

function readable(bytes: Uint8Array): void {
  try {
    writeModel(readModel(bytes));
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
  }
}

describe("what is not a usable ONNX file has a name", () => {
  const random = Uint8Array.from({ length: 4000 }, (_, index) => (index * 7919 + 13) % 251);
  const safetensors = Buffer.concat([
    Buffer.from(BigUint64Array.of(30n).buffer),
    Buffer.from('{"w":{"dtype":"F32","shape":[1]}}'),
  ]);
  test.each([
    ["an empty file", new Uint8Array()],
    ["an HTML page", Buffer.from("<!DOCTYPE html><html></html>")],
    ["random bytes", random],
    ["a zip (.pth)", Buffer.from("PK\u0003\u0004archive/data.pkl")],
    ["a safetensors file", safetensors],
    ["text", Buffer.from("hello, world: this is no model")],
  ])("%s: model.not-onnx", (_, bytes) => {
    expect(errorOf(bytes).code).toBe("model.not-onnx");
  });

  test("a file that ends early: model.truncated", () => {
    const whole = modelBytes(reluGraph);
    expect(errorOf(whole.subarray(0, whole.length - 20)).code).toBe("model.truncated");
    expect(errorOf(whole.subarray(0, 6)).code).toBe("model.truncated");
    expect(errorOf(whole.subarray(0, 2)).code).toBe("model.truncated");
  });

  test("weights in another file: model.external-data, naming the tensor", () => {
    const error = errorOf(
      withInitializer([
        [1, 4],
        [2, 1],
        [8, "conv.weight"],
        [
          13,
          [
            [1, "location"],
            [2, "../../etc/passwd"],
          ],
        ],
        [14, 1],
      ]),
    );
    expect(error.code).toBe("model.external-data");
    expect(error.message).toContain("conv.weight");
  });

  test("operator sets: missing, unknown or not listed", () => {
    const custom: Field = [
      8,
      [
        [1, "com.example"],
        [2, 3],
      ],
    ];
    expect(errorOf(modelBytes(reluGraph, [], [custom]))).toMatchObject({
      code: "model.unknown-opset",
      message: expect.stringContaining("com.example 3"),
    });
    expect(errorOf(modelBytes(reluGraph, [], [[8, [[2, 99]]], custom]))).toMatchObject({
      code: "model.unknown-opset",
      message: expect.stringContaining("ai.onnx 99, com.example 3"),
    });
    const call = node("Fancy", ["x"], ["y"], [[7, "com.example"]]);
    expect(
      errorOf(
        modelBytes([
          [1, call],
          [11, x],
          [12, y],
        ]),
      ),
    ).toMatchObject({ code: "model.unknown-opset", message: expect.stringContaining("com.example.Fancy") });
  });

  test.each<[string, Uint8Array, string]>([
    [
      "a sequence as input",
      modelBytes([
        [1, node("Relu", ["x"], ["y"])],
        [
          11,
          [
            [1, "x"],
            [2, [[4, [[1, x[1]?.[1] as Field[]]]]]],
          ],
        ],
        [12, y],
      ]),
      "a sequence",
    ],
    [
      "a map as output",
      modelBytes([
        [1, node("Relu", ["x"], ["y"])],
        [11, x],
        [
          12,
          [
            [1, "y"],
            [2, [[5, [[1, 7]]]]],
          ],
        ],
      ]),
      "a map",
    ],
    [
      "an optional input",
      modelBytes([
        [1, node("Relu", ["x"], ["y"])],
        [
          11,
          [
            [1, "x"],
            [2, [[9, []]]],
          ],
        ],
        [12, y],
      ]),
      "an optional value",
    ],
    [
      "a sparse input",
      modelBytes([
        [1, node("Relu", ["x"], ["y"])],
        [
          11,
          [
            [1, "x"],
            [2, [[8, [[1, 1]]]]],
          ],
        ],
        [12, y],
      ]),
      "a sparse tensor",
    ],
    ["a sparse initialiser", modelBytes([...reluGraph, [15, []]]), "a sparse tensor"],
    [
      "float8 weights",
      withInitializer([
        [1, 1],
        [2, 17],
        [8, "w"],
        [9, Uint8Array.of(1)],
      ]),
      "float8e4m3fn",
    ],
    [
      "complex input",
      modelBytes([
        [1, node("Relu", ["x"], ["y"])],
        [11, valueInfo("x", 14, [1])],
        [12, y],
      ]),
      "complex64",
    ],
    [
      "a list of graphs as attribute",
      modelBytes([
        [
          1,
          node(
            "Relu",
            ["x"],
            ["y"],
            [
              [
                5,
                [
                  [1, "bodies"],
                  [11, reluGraph],
                  [20, 10],
                ],
              ],
            ],
          ),
        ],
        [11, x],
        [12, y],
      ]),
      "a list of graphs",
    ],
  ])("%s: model.unsupported-type", (_, bytes, found) => {
    expect(errorOf(bytes)).toMatchObject({ code: "model.unsupported-type", message: expect.stringContaining(found) });
  });

  test.each<[string, Uint8Array]>([
    [
      "fewer elements than the extents say",
      withInitializer([
        [1, 4],
        [2, 1],
        [8, "w"],
        [9, new Uint8Array(8)],
      ]),
    ],
    [
      "extents beyond all memory",
      withInitializer([
        [1, 1 << 30],
        [1, 1 << 20],
        [2, 1],
        [8, "w"],
        [4, new Uint8Array(8)],
      ]),
    ],
    [
      "a negative extent",
      withInitializer([
        [1, -4],
        [2, 1],
        [8, "w"],
        [9, new Uint8Array(8)],
      ]),
    ],
  ])("%s: model.corrupt", (_, bytes) => {
    expect(errorOf(bytes).code).toBe("model.corrupt");
  });
});

describe("tensors in every encoding", () => {
  test.each<[string, Field[], Tensor]>([
    ["unpacked float_data", [[1, 2], [2, 1], floatData(1.5), floatData(-2)], float32Tensor([1.5, -2])],
    [
      "packed float_data",
      [
        [1, 2],
        [2, 1],
        [4, new Uint8Array(Float32Array.of(1.5, -2).buffer)],
      ],
      float32Tensor([1.5, -2]),
    ],
    [
      "packed dims, raw_data",
      [
        [1, packedVarints([1, 2])],
        [2, 1],
        [9, new Uint8Array(Float32Array.of(1.5, -2).buffer)],
      ],
      float32Tensor([1.5, -2], [1, 2]),
    ],
    [
      "int64_data with extremes",
      [
        [1, 3],
        [2, 7],
        [7, packedVarints([-1, 9223372036854775807n, -9223372036854775808n])],
      ],
      { dataType: "int64", dims: [3], data: BigInt64Array.of(-1n, 9223372036854775807n, -9223372036854775808n) },
    ],
    [
      "unpacked int64_data",
      [
        [1, 2],
        [2, 7],
        [7, 5],
        [7, -6],
      ],
      int64Tensor([5, -6]),
    ],
    [
      "int32_data as int8",
      [
        [1, 2],
        [2, 3],
        [5, packedVarints([-7, 7])],
      ],
      { dataType: "int8", dims: [2], data: Int8Array.of(-7, 7) },
    ],
    [
      "int32_data as bool",
      [
        [1, 2],
        [2, 9],
        [5, packedVarints([1, 0])],
      ],
      { dataType: "bool", dims: [2], data: Uint8Array.of(1, 0) },
    ],
    [
      "int32_data as float16 bits",
      [
        [1, 1],
        [2, 10],
        [5, 0x3c00],
      ],
      { dataType: "float16", dims: [1], data: Uint16Array.of(0x3c00) },
    ],
    [
      "raw bfloat16 bits",
      [
        [1, 1],
        [2, 16],
        [9, Uint8Array.of(0x80, 0x3f)],
      ],
      { dataType: "bfloat16", dims: [1], data: Uint16Array.of(0x3f80) },
    ],
    [
      "double_data",
      [
        [1, 1],
        [2, 11],
        [10, { double: 0.1 }],
      ],
      { dataType: "float64", dims: [1], data: Float64Array.of(0.1) },
    ],
    [
      "uint64_data",
      [
        [1, 1],
        [2, 13],
        [11, 18446744073709551615n],
      ],
      { dataType: "uint64", dims: [1], data: BigUint64Array.of(18446744073709551615n) },
    ],
    [
      "uint64_data as uint32",
      [
        [1, 1],
        [2, 12],
        [11, 4294967295],
      ],
      { dataType: "uint32", dims: [1], data: Uint32Array.of(4294967295) },
    ],
    [
      "string_data",
      [
        [1, 2],
        [2, 8],
        [6, "ä"],
        [6, ""],
      ],
      { dataType: "string", dims: [2], data: ["ä", ""] },
    ],
    ["a scalar", [[2, 1], floatData(3)], float32Tensor(3)],
    [
      "no elements",
      [
        [1, 0],
        [2, 7],
      ],
      int64Tensor([]),
    ],
  ])("%s", (_, fields, expected) => {
    const model = readModel(withInitializer([...fields, [8, "w"]]));
    expect(model.graph.initializers.get("w")).toEqual(expected);
    expect(readModel(writeModel(model)).graph.initializers.get("w")).toEqual(expected);
  });

  test("aligned weights are windows on the file's bytes", () => {
    const raw = new Uint8Array(Float32Array.from({ length: 400 }, (_, index) => index).buffer);
    for (let padding = 0; padding < 4; padding++) {
      const bytes = withInitializer([
        [1, 400],
        [2, 1],
        [8, "w".repeat(1 + padding)],
        [9, raw],
      ]);
      const tensor = [...readModel(bytes).graph.initializers.values()][0]!;
      expect(Array.from(tensor.data as Float32Array)).toEqual(Array.from({ length: 400 }, (_, index) => index));
      const start = Buffer.from(bytes.buffer).indexOf(raw.subarray(0, 64));
      expect((tensor.data as Float32Array).buffer === bytes.buffer).toBe(start % 4 === 0);
    }
  });
});

describe("models", () => {
  test("old files list initialisers as inputs too: they are dropped", () => {
    const bytes = message([
      [1, 3],
      [
        7,
        [
          [1, node("Add", ["x", "w"], ["y"])],
          [
            5,
            [
              [1, 3],
              [2, 1],
              [8, "w"],
              [9, new Uint8Array(12)],
            ],
          ],
          [11, x],
          [11, valueInfo("w", 1, [3])],
          [12, y],
        ],
      ],
      [8, [[2, 7]]],
    ]);
    const model = readModel(bytes);
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(readModel(writeModel(model)).irVersion).toBe(4);
  });

  test("unknown fields are skipped, extents and symbols kept", () => {
    const model = readModel(
      modelBytes(
        [...reluGraph, [99, "future"], [98, 3]],
        [
          [77, "future"],
          [
            14,
            [
              [1, "author"],
              [2, "someone"],
            ],
          ],
        ],
      ),
    );
    expect(model.graph.inputs).toEqual([{ name: "x", dataType: "float32", shape: ["batch", 3] }]);
    expect(model.metadata.get("author")).toBe("someone");
  });

  test("attributes of every kind survive, the end of slices too", () => {
    const graph: Graph = {
      name: "g",
      nodes: [],
      inputs: [{ name: "x", dataType: "float32", shape: ["n", null] }],
      outputs: [{ name: "y", dataType: "float32", shape: undefined }],
      initializers: new Map(),
      valueInfo: new Map(),
    };
    new GraphBuilder(graph).add(
      "Test",
      ["x"],
      {
        int: -3,
        far: 2 ** 63,
        ints: [1, -2, 2 ** 40],
        string: "ü",
        strings: ["a", ""],
        tensor: float32Tensor([1, 2]),
        float: { kind: "float", value: 0.5 },
        floats: { kind: "floats", value: [0.25, -1] },
        empty: { kind: "ints", value: [] },
        graph: {
          kind: "graph",
          value: {
            name: "inner",
            nodes: [{ name: "n", operator: "Relu", domain: "", inputs: ["x"], outputs: ["z"], attributes: {} }],
            inputs: [],
            outputs: [{ name: "z", dataType: "float32", shape: [] }],
            initializers: new Map(),
            valueInfo: new Map(),
          },
        },
      },
      "y",
    );
    const model: Model = {
      irVersion: 10,
      producerName: "test",
      producerVersion: "1",
      opsets: new Map([
        ["", 21],
        ["com.example", 2],
      ]),
      graph,
      metadata: new Map(),
    };
    expect(readModel(writeModel(model))).toEqual(model);
  });
});

describe("local functions", () => {
  const leaky: Field[] = [
    [1, "Leaky"],
    [4, "a"],
    [5, "b"],
    [6, "slope"],
    [10, "local"],
    [9, [[2, 18]]],
    [
      11,
      [
        [1, "slope"],
        [2, { float: 0.5 }],
        [20, 1],
      ],
    ],
    [7, node("LeakyRelu", ["a"], ["b"], [reference("alpha", "slope")])],
  ];
  const twice: Field[] = [
    [1, "Twice"],
    [4, "a"],
    [5, "b"],
    [5, "same"],
    [10, "local"],
    [9, [[2, 18]]],
    [
      9,
      [
        [1, "local"],
        [2, 1],
      ],
    ],
    [7, node("Leaky", ["a"], ["t"], [[7, "local"]])],
    [7, node("Leaky", ["t"], ["b"], [[7, "local"], float("slope", 0.25)])],
    [7, node("Identity", ["a"], ["same"])],
  ];

  test("nested calls, attribute references and defaults are inlined", async () => {
    const graph: Field[] = [
      [1, node("Twice", ["x"], ["y", "z"], [[7, "local"]])],
      [1, node("Twice", ["y"], ["u", "unused"], [[7, "local"]])],
      [11, x],
      [12, y],
      [12, valueInfo("u", 1, ["batch", 3])],
      [12, valueInfo("z", 1, ["batch", 3])],
    ];
    const bytes = modelBytes(
      graph,
      [
        [25, twice],
        [25, leaky],
      ],
      [
        [8, [[2, 18]]],
        [
          8,
          [
            [1, "local"],
            [2, 1],
          ],
        ],
      ],
    );
    const model = readModel(bytes);
    expect([...model.opsets.keys()]).toEqual([""]);
    expect(model.graph.nodes.map(({ operator }) => operator)).toEqual([
      "LeakyRelu",
      "LeakyRelu",
      "Identity",
      "LeakyRelu",
      "LeakyRelu",
      "Identity",
    ]);
    const feeds = new Map([["x", { dims: [1, 3], data: Float32Array.of(-8, 0, 8) }]]);
    const received = await runModel(model, feeds);
    expect(Array.from(received.get("y")!.data)).toEqual([-1, 0, 8]);
    expect(Array.from(received.get("u")!.data)).toEqual([-0.125, 0, 8]);
    expect(await runModel(bytes, feeds)).toEqual(received);
  });

  test("a function that calls itself is refused", () => {
    const loop: Field[] = [
      [1, "Loop1"],
      [4, "a"],
      [5, "b"],
      [10, "local"],
      [7, node("Loop1", ["a"], ["b"], [[7, "local"]])],
    ];
    expect(
      errorOf(
        modelBytes(
          [
            [1, node("Loop1", ["x"], ["y"], [[7, "local"]])],
            [11, x],
            [12, y],
          ],
          [[25, loop]],
          [
            [8, [[2, 18]]],
            [
              8,
              [
                [1, "local"],
                [2, 1],
              ],
            ],
          ],
        ),
      ).code,
    ).toBe("model.invalid-graph");
  });
});

describe("graphs that make no sense: model.invalid-graph", () => {
  test.each<[string, Field[], string]>([
    [
      "an undefined input",
      [
        [1, node("Relu", ["nowhere"], ["y"])],
        [11, x],
        [12, y],
      ],
      "nowhere",
    ],
    [
      "nodes out of order",
      [
        [1, node("Relu", ["t"], ["y"])],
        [1, node("Neg", ["x"], ["t"])],
        [11, x],
        [12, y],
      ],
      "topological",
    ],
    [
      "a value defined twice",
      [
        [1, node("Relu", ["x"], ["y"])],
        [1, node("Neg", ["x"], ["y"])],
        [11, x],
        [12, y],
      ],
      "again",
    ],
    [
      "an output nobody computes",
      [
        [1, node("Relu", ["x"], ["t"])],
        [11, x],
        [12, y],
      ],
      "output",
    ],
    [
      "a cycle",
      [
        [1, node("Add", ["x", "y"], ["y"])],
        [11, x],
        [12, y],
      ],
      "topological",
    ],
  ])("%s", (_, graph, reason) => {
    expect(errorOf(modelBytes(graph))).toMatchObject({
      code: "model.invalid-graph",
      message: expect.stringContaining(reason),
    });
  });
});

describe("damage never does worse than a ModelError", () => {
  const whole = modelBytes([
    [
      1,
      node(
        "Conv",
        ["x", "w"],
        ["c"],
        [
          [
            5,
            [
              [1, "pads"],
              [8, packedVarints([1, 1, 1, 1])],
              [20, 7],
            ],
          ],
        ],
      ),
    ],
    [1, node("Relu", ["c"], ["y"])],
    [
      5,
      [
        [1, packedVarints([1, 1, 3, 3])],
        [2, 1],
        [8, "w"],
        [9, new Uint8Array(36)],
      ],
    ],
    [11, valueInfo("x", 1, ["n", 1, 8, 8])],
    [12, valueInfo("y", 1, ["n", 1, 8, 8])],
  ]);
  test("cut anywhere", () => {
    for (let length = 0; length < whole.length; length++) readable(whole.slice(0, length));
  });

  test("bytes changed, moved and doubled", () => {
    const edit = record({ at: nat(whole.length - 1), value: integer({ min: 0, max: 255 }) });
    assertProperty(
      property(array(edit, { minLength: 1, maxLength: 6 }), nat(whole.length), (edits, cut) => {
        const bytes = whole.slice(0, cut > 20 ? cut : whole.length);
        for (const { at, value } of edits) bytes[at % bytes.length] = value;
        readable(bytes);
      }),
      { numRuns: 5000 },
    );
    for (let at = 0; at < whole.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const bytes = whole.slice();
        bytes[at]! ^= 1 << bit;
        readable(bytes);
      }
  });
});
