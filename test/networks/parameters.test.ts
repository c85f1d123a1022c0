import { readFileSync } from "node:fs";
import path from "node:path";
import { networkNamed, networkNames } from "../../lib/networks/catalogue";
import { initialTensor, initializeWeights } from "../../lib/networks/initialize";
import { loadWeights } from "../../lib/networks/load-weights";
import { readSafetensors } from "../../lib/networks/safetensors";
import type { Tensor } from "../../lib/onnx/model";
import { elementCount, float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { describeWithReference } from "../reference";
import { fnv1a64, scaleAndOffset, tensorByName, weightsByName } from "./name-rule";

/** Jest's toEqual takes a microsecond an element. */
const sameValues = (a: Tensor, b: Tensor): boolean =>
  Buffer.from((a.data as Float32Array).buffer).equals(Buffer.from((b.data as Float32Array).buffer));

interface LayerTable {
  parameter_count_used_in_forward: number;
  stage_output_shapes: Record<string, number[]>;
  tensors: { name: string; shape: number[]; unused_in_forward?: boolean }[];
}

describeWithReference("parameters against the oracle's layer tables", (folder) => {
  const oracle = path.join(folder, "oracle");
  const full = ["resnet50", "ran92", "densenet121", "densenet121-rca"];

  it.each([...full.map((name) => ["seed", name]), ...full.map((name) => ["mini", `${name}-mini`])])(
    "%s/%s",
    (where, name) => {
      const table = JSON.parse(readFileSync(path.join(oracle, where!, name!, "layers.json"), "utf8")) as LayerTable;
      const network = networkNamed(name!, { classes: 5 });
      const wanted = new Map(
        table.tensors.filter(({ name }) => !network.ignored.has(name)).map(({ name, shape }) => [name, shape]),
      );
      expect(Object.fromEntries(network.parameters.map(({ name, shape }) => [name, shape]))).toEqual(
        Object.fromEntries(wanted),
      );
      const known = new Set(table.tensors.map(({ name }) => name));
      expect([...network.ignored].filter((name) => !known.has(name))).toEqual([]);

      const trained = network.parameters.filter(({ role }) => !role.startsWith("running"));
      expect(trained.reduce((sum, { shape }) => sum + elementCount(shape), 0)).toBe(
        table.parameter_count_used_in_forward,
      );
      expect(network.stages.filter((stage) => stage !== "features.relu5")).toEqual(
        Object.keys(table.stage_output_shapes),
      );
      expect(network.stages).toContain(network.featureLayer);
    },
  );

  it("draws the oracle's weights from names", () => {
    const vectors = JSON.parse(readFileSync(path.join(oracle, "weight-vectors.json"), "utf8")) as {
      fnv1a64: Record<string, string>;
      tensors: {
        name: string;
        shape: number[];
        scale: number;
        offset: number;
        value_first: number[];
        value_last: number;
        value_sum_float64: number;
      }[];
    };
    for (const [text, hash] of Object.entries(vectors.fnv1a64))
      expect(fnv1a64(text).toString(16).padStart(16, "0")).toBe(hash);
    for (const vector of vectors.tensors) {
      expect(scaleAndOffset(vector.name, vector.shape)).toEqual({ scale: vector.scale, offset: vector.offset });
      const values = Array.from(tensorByName(vector.name, vector.shape).data as Float32Array);
      expect(values.slice(0, 8)).toEqual(vector.value_first);
      expect(values.at(-1)).toBe(vector.value_last);
      expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(vector.value_sum_float64, 9);
    }
  });

  it.each(full)("loads the whole checkpoint of %s-mini, unused tensors included", (name) => {
    const network = networkNamed(`${name}-mini`, { classes: 5 });
    const checkpoint = readSafetensors(readFileSync(path.join(oracle, "mini", `${name}-mini`, "weights.safetensors")));
    const weights = loadWeights(network, checkpoint);
    expect(weights.size).toBe(network.parameters.length);
    const byRule = weightsByName(network);
    for (const [name, tensor] of weights) expect(sameValues(tensor, byRule.get(name)!)).toBe(true);
  });
});

describe("networks", () => {
  it.each(networkNames)("%s has distinct parameter names, and takes other classes and channels", (name) => {
    const network = networkNamed(name, { classes: 3, channels: 4 });
    expect(new Set(network.parameters.map(({ name }) => name)).size).toBe(network.parameters.length);
    expect(network.parameters[0]?.shape[1]).toBe(4);
    expect(network.parameters.filter(({ head }) => head).every(({ shape }) => shape[0] === 3)).toBe(true);
  });

  it("refuses unknown names, sizes that do not fit and counts that are none", () => {
    expect(() => networkNamed("vgg", { classes: 2 })).toThrow(
      /Unknown network "vgg"; expected one of resnet50, ran92, /,
    );
    expect(() => networkNamed("densnet121", { classes: 2 })).toThrow(/did you mean densenet121\?/);
    expect(() => networkNamed("ran92", { classes: 2, size: 100 })).toThrow(/multiple of 32.*ran92 but received 100/);
    expect(() => networkNamed("densenet121", { classes: 2, size: 16 })).toThrow(/at least 32/);
    expect(() => networkNamed("resnet50", { classes: 0 })).toThrow(/classes, at least 1/);
  });

  it("refuses to build without weights, naming the first", () => {
    expect(() => networkNamed("resnet50-mini", { classes: 2 }).build(new Map())).toThrow(
      /weights for conv1.weight of resnet50-mini/,
    );
  });

  it("notes the dropout and the running statistics of training mode, and has neither in inference", () => {
    const network = networkNamed("resnet50-mini", { classes: 2 });
    const weights = initializeWeights(network, 1);
    const training = network.build(weights, { mode: "training" }).graph;
    expect(network.dropouts).toEqual([{ mask: "fc.0.mask", features: 256, ratio: 0.5 }]);
    expect(training.inputs.map(({ name }) => name)).toEqual(["input", "fc.0.mask"]);
    expect(training.outputs.map(({ name }) => name)).toEqual([
      "logits",
      ...network.runningStatistics.map(({ nextOutput }) => nextOutput),
    ]);
    const inference = network.build(weights).graph;
    expect([inference.inputs.length, inference.outputs.length]).toEqual([1, 1]);
  });
});

describe("initial weights", () => {
  const network = networkNamed("densenet121-rca-mini", { classes: 3 });

  it("depend on seed and name alone", () => {
    const first = initializeWeights(network, 1);
    for (const [name, tensor] of initializeWeights(network, 1)) expect(sameValues(tensor, first.get(name)!)).toBe(true);
    const name = "features.denseblock1.denselayer1.conv1.weight";
    expect(sameValues(initializeWeights(network, 2).get(name)!, first.get(name)!)).toBe(false);
    expect(
      sameValues(
        initializeWeights(networkNamed("densenet121-rca-mini", { classes: 9 }), 1).get(name)!,
        first.get(name)!,
      ),
    ).toBe(true);
  });

  it("have the spread that their convention asks for", () => {
    const weights = new Map(
      networkNamed("resnet50", { classes: 2 })
        .parameters.filter(({ name }) => name === "layer1.0.conv2.weight" || name === "fc.1.weight")
        .map((parameter) => [
          parameter.name,
          initialTensor(parameter, { convolution: "he-fan-out", linearBias: "uniform-fan-in" }, 3),
        ]),
    );
    const values = weights.get("layer1.0.conv2.weight")!.data as Float32Array;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(2e-3);
    expect(variance / (2 / (64 * 9))).toBeCloseTo(1, 1);
    const head = weights.get("fc.1.weight")!.data as Float32Array;
    expect(Math.max(...head)).toBeLessThanOrEqual(1 / Math.sqrt(2048));
    expect(Math.max(...head)).toBeGreaterThan(0.99 / Math.sqrt(2048));
    expect(initializeWeights(network, 1).get("features.norm5.weight")?.data[0]).toBe(1);
    expect(initializeWeights(network, 1).get("classifier.1.bias")?.data[0]).toBe(0);
  });
});

describe("loading weights", () => {
  const network = networkNamed("resnet50-mini", { classes: 2 });
  const good = initializeWeights(network, 1);
  const variant = (change: (tensors: Map<string, ReturnType<typeof float32Tensor>>) => void) => {
    const tensors = new Map(good);
    change(tensors);
    return tensors;
  };

  it("names what is missing, misshapen, mistyped and unknown, and counts the rest", () => {
    const bad = variant((tensors) => {
      for (const part of ["weight", "bias", "running_mean", "running_var"]) tensors.delete(`bn1.${part}`);
      tensors.set("conv1.weight", float32Tensor(new Float32Array(8 * 3 * 25), [8, 3, 5, 5]));
      tensors.set("layer1.0.bn1.weight", { dataType: "float64", dims: [8], data: new Float64Array(8) });
      tensors.set("layer5.0.conv1.weight", float32Tensor([1]));
    });
    expect(() => loadWeights(network, bad)).toThrow(
      "Expected the 147 tensors of resnet50-mini but received 4 missing: bn1.weight, bn1.bias, bn1.running_mean, …; " +
        "1 misshapen: conv1.weight (expected [8, 3, 7, 7], received [8, 3, 5, 5]); 1 not float32: layer1.0.bn1.weight (float64); " +
        "1 unknown: layer5.0.conv1.weight",
    );
  });

  it("takes the head under its public name too", () => {
    const renamed = variant((tensors) => {
      for (const part of ["weight", "bias"]) {
        tensors.set(`fc.${part}`, tensors.get(`fc.1.${part}`)!);
        tensors.delete(`fc.1.${part}`);
      }
      tensors.set("bn1.num_batches_tracked", int64Tensor(5));
    });
    for (const [name, tensor] of loadWeights(network, renamed)) expect(tensor).toBe(good.get(name));
  });

  it("keeps the backbone when the head is replaced, and says so when it should be", () => {
    const other = networkNamed("resnet50-mini", { classes: 7 });
    expect(() => loadWeights(other, good)).toThrow(/2 misshapen: fc.1.weight .*another number of classes than 7/);
    const weights = loadWeights(other, good, { head: "replace", seed: 4 });
    expect(weights.get("conv1.weight")).toBe(good.get("conv1.weight"));
    expect(weights.get("fc.1.weight")?.dims).toEqual([7, 256]);
  });
});
