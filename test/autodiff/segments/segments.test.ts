import { readFileSync } from "node:fs";
import path from "node:path";
import { differentiateNamed } from "../../../lib/autodiff/differentiate";
import { differentiateSegments } from "../../../lib/autodiff/segments/segments";
import { Session } from "../../../lib/inference/session";
import { readSafetensors } from "../../../lib/networks/safetensors";
import { GraphBuilder } from "../../../lib/onnx/graph-builder";
import type { Graph, Model } from "../../../lib/onnx/model";
import { readModel } from "../../../lib/onnx/read-model";
import { float32Tensor } from "../../../lib/onnx/tensor";
import { validate } from "../../../lib/onnx/validate";
import { writeModel } from "../../../lib/onnx/write-model";
import { describeWithReference } from "../../reference";

/** y = w · relu(x) for x [batch, 2]. */
function oneLayer(): Model {
  const graph: Graph = {
    name: "one-layer",
    nodes: [],
    initializers: new Map(),
    valueInfo: new Map(),
    inputs: [{ name: "x", dataType: "float32", shape: ["batch", 2] }],
    outputs: [{ name: "y", dataType: "float32", shape: ["batch", 1] }],
  };
  const builder = new GraphBuilder(graph);
  builder.add("MatMul", [builder.add("Relu", ["x"]), builder.float32([3, 5], [2, 1])], {}, "y");
  return {
    irVersion: 10,
    producerName: "test",
    producerVersion: "",
    opsets: new Map([["", 18]]),
    graph,
    metadata: new Map(),
  };
}

async function meanGradients(
  model: Model,
  shape: readonly number[],
  points: readonly Float32Array[],
  classes: number,
  classIndex: number,
) {
  const segments = points.length - 1;
  const { name: input } = model.graph.inputs[0]!;
  const { name: output } = model.graph.outputs[0]!;
  const differentiated = differentiateSegments(model, { input, shape, output, segments });
  validate(differentiated.model);
  const session = await Session.open(writeModel(differentiated.model));
  const cotangent = new Float32Array(segments * classes).map((_, index) => (index % classes === classIndex ? 1 : 0));
  const outputs = await session.run({
    [input]: float32Tensor(Float32Array.from(points.flatMap((point) => [...point])), [
      points.length,
      ...shape.slice(1),
    ]),
    [differentiated.cotangent]: float32Tensor(cotangent, [segments, classes]),
  });
  await session.close();
  const gradient = outputs.get(differentiated.gradient)!.data as Float32Array;
  const size = gradient.length / segments;
  const values = outputs.get(output)!.data as Float32Array;
  return {
    gradients: Array.from({ length: segments }, (_, index) => gradient.slice(index * size, (index + 1) * size)),
    values: points.map((_, index) => values[index * classes + classIndex]!),
  };
}

test("a unit that switches along a segment counts for the share in which it is active", async () => {
  const points = [
    [-1, 2],
    [3, 2],
    [4, -6],
    [4, -6],
    [0, 0],
    [0, 0],
  ].map((point) => Float32Array.from(point));
  const { gradients } = await meanGradients(oneLayer(), [1, 2], points, 1, 0);
  const wanted = [
    [3 * 0.75, 5],
    [3, 5 * 0.25],
    [3, 0],
    [3, 0],
    [0, 0],
  ];
  gradients.forEach((gradient, index) =>
    gradient.forEach((value, at) => expect(value).toBeCloseTo(wanted[index]![at]!, 5)),
  );
});

describeWithReference("mean gradients along segments", (folder) => {
  const oracle = path.join(folder, "oracle");
  const images = readSafetensors(readFileSync(path.join(oracle, "mini/inputs-64.safetensors")));
  const image = images.get("herlev")!.data as Float32Array;
  const black = image.map(
    (_, index) => -[0.485, 0.456, 0.406][Math.floor(index / 4096)]! / [0.229, 0.224, 0.225][Math.floor(index / 4096)]!,
  );
  const between = (share: number) => image.map((value, index) => black[index]! + share * (value - black[index]!));
  const shape = [1, 3, 64, 64];
  const networks = ["resnet50-mini", "densenet121-mini", "densenet121-rca-mini", "ran92-mini"];
  const load = (name: string) => readModel(readFileSync(path.join(oracle, `mini/${name}/model-dynamo.onnx`)));

  test.each(networks)("%s: on a segment without length the mean is the gradient", async (name) => {
    const { gradients } = await meanGradients(load(name), shape, [image, image, image], 5, 2);
    const { model, gradients: names } = differentiateNamed(load(name));
    const session = await Session.open(writeModel(model));
    const outputs = await session.run({
      input: float32Tensor(image, shape),
      d_logits: float32Tensor([0, 0, 1, 0, 0], [1, 5]),
    });
    const gradient = outputs.get(names.get("input")!)!.data as Float32Array;
    await session.close();
    const scale = Math.max(...gradient.map(Math.abs));
    for (const mean of gradients)
      expect(Math.max(...mean.map((value, index) => Math.abs(value - gradient[index]!))) / scale).toBeLessThan(2e-5);
  });

  test.each(["resnet50-mini", "densenet121-mini"])(
    "%s, of linear operators and kinks alone: each segment adds up",
    async (name) => {
      const points = [0, 0.1, 0.4, 1].map(between);
      const { gradients, values } = await meanGradients(load(name), shape, points, 5, 1);
      gradients.forEach((gradient, index) => {
        const sum = gradient.reduce(
          (total, slope, at) => total + slope * (points[index + 1]![at]! - points[index]![at]!),
          0,
        );
        expect(Math.abs(sum - (values[index + 1]! - values[index]!))).toBeLessThan(
          1e-4 * Math.abs(values.at(-1)! - values[0]!),
        );
      });
    },
  );

  test.each(networks)(
    "%s: 16 segments are nearer the oracle's converged map than its 32 Gauss–Legendre points",
    async (name) => {
      const goldens = JSON.parse(readFileSync(path.join(oracle, `mini/${name}/goldens.json`), "utf8")) as {
        images: Record<string, { target_class: number }>;
      };
      const converged = readSafetensors(readFileSync(path.join(oracle, `mini/${name}/ig-converged.safetensors`))).get(
        "herlev.ig_converged",
      )!.data as Float32Array;
      const gaussLegendre = readSafetensors(readFileSync(path.join(oracle, `mini/${name}/goldens.safetensors`))).get(
        "herlev.ig_32",
      )!.data as Float32Array;
      const { gradients } = await meanGradients(
        load(name),
        shape,
        Array.from({ length: 17 }, (_, cut) => between(cut / 16)),
        5,
        goldens.images["herlev"]!.target_class,
      );
      const map = image.map(
        (value, index) =>
          (value - black[index]!) * (gradients.reduce((sum, gradient) => sum + gradient[index]!, 0) / 16),
      );
      const distance = (other: Float32Array) =>
        Math.hypot(...other.map((value, index) => value - converged[index]!)) / Math.hypot(...converged);
      expect(distance(map)).toBeLessThan(distance(gaussLegendre));
    },
  );
});
