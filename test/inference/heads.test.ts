import type { Head } from "../../lib/contract/head";
import { imageFor } from "../../lib/explaining/image-for-model";
import { classModelOf } from "../../lib/inference/class-model";
import type { Classifier } from "../../lib/inference/classifier";
import { loadModel } from "../../lib/inference/load-model";
import type { Model } from "../../lib/onnx/model";
import { float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { maxRelative } from "../fingerprint";
import { describeWithReference } from "../reference";
import { runModel } from "../autodiff/run-model";
import { side, smallClassifier, smallImage, type Tail } from "./small-classifier";

const softmaxParts: Tail["nodes"] = [
  ["ReduceMax", ["scores"], ["top"], { axes: [1], keepdims: 1 }],
  ["Sub", ["scores", "top"], ["lower"]],
  ["Exp", ["lower"], ["powers"]],
  ["ReduceSum", ["powers", "classAxis"], ["total"], { keepdims: 1 }],
  ["Div", ["powers", "total"], ["y"]],
];
const classAxis = int64Tensor([1]);

const open = (model: Model, options = {}): Promise<Classifier> =>
  loadModel(writeModel(model), { cacheFolder: null, ...options });

/** What onnxruntime says of the file itself. */
const outputOf = async (model: Model, image: Float32Array): Promise<number[]> => {
  const outputs = await runModel(model, { image: float32Tensor(image, [1, 3, side, side]) });
  return [...(outputs["y"]!.data as Float32Array)];
};

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return "no error";
};

describe("outputs that are probabilities already", () => {
  it.each<[string, number, Tail]>([
    ["a decomposed softmax", 3, { nodes: softmaxParts, initializers: { classAxis } }],
    [
      "a softmax that is clipped",
      3,
      {
        nodes: [
          ["Softmax", ["scores"], ["p"], { axis: 1 }],
          ["Clip", ["p", "low", "high"], ["y"]],
        ],
        initializers: { low: float32Tensor(1e-7), high: float32Tensor(1 - 1e-7) },
      },
    ],
    [
      "a softmax put in another order",
      3,
      {
        nodes: [
          ["Softmax", ["scores"], ["p"], { axis: 1 }],
          ["Gather", ["p", "order"], ["y"], { axis: 1 }],
        ],
        initializers: { order: int64Tensor([2, 0, 1]) },
      },
    ],
    [
      "the mean of two softmaxes",
      3,
      {
        nodes: [
          ["Softmax", ["scores"], ["a"], { axis: 1 }],
          ["Neg", ["scores"], ["others"]],
          ["Softmax", ["others"], ["b"], { axis: 1 }],
          ["Add", ["a", "b"], ["sum"]],
          ["Mul", ["sum", "half"], ["y"]],
        ],
        initializers: { half: float32Tensor(0.5) },
      },
    ],
    [
      "a sigmoid beside its complement",
      1,
      {
        shape: ["N", 2],
        nodes: [
          ["Sigmoid", ["scores"], ["p"]],
          ["Sub", ["one", "p"], ["q"]],
          ["Concat", ["q", "p"], ["y"], { axis: 1 }],
        ],
        initializers: { one: float32Tensor(1) },
      },
    ],
  ])("%s: the answer is the output's, the logit its logarithm, and it is explained", async (_name, classes, tail) => {
    const model = smallClassifier(classes, tail);
    const classifier = await open(model);
    expect(classifier.head).toBe("probabilities");
    expect(classifier.headSays).toMatch(/sum to 1.*probe images/);
    const image = smallImage(0.4);
    const wanted = await outputOf(model, image);
    const [said] = await classifier.predict([image]);
    wanted.forEach((probability, index) => {
      expect(said!.probabilities[index]).toBeCloseTo(probability, 6);
      expect(said!.logits[index]).toBeCloseTo(Math.log(probability), 5);
    });
    await expectGradient(classifier, image, said!.classIndex);
    await classifier.close();
  });
});

/** Along a direction the gradient must be what the difference of values is; and d log p = dp / p. */
async function expectGradient(classifier: Classifier, image: Float32Array, classIndex: number): Promise<void> {
  const direction = smallImage(2.2);
  const step = 1e-3;
  const moved = (sign: number): Float32Array => image.map((value, index) => value + sign * step * direction[index]!);
  for (const of of ["logit", "probability"] as const) {
    const gradient = classifier.gradient({ classIndex, of });
    const { gradients } = await gradient([image]);
    const { values } = await gradient([moved(-1), moved(1)]);
    const slope = gradients[0]!.reduce((sum, value, index) => sum + value * direction[index]!, 0);
    expect(slope).not.toBe(0);
    expect(Math.abs(slope - (values[1]! - values[0]!) / (2 * step))).toBeLessThan(2e-2 * Math.abs(slope) + 2e-3);
  }
}

describe("one score for two classes", () => {
  const logit = smallClassifier(1, { nodes: [["Identity", ["scores"], ["y"]]] });
  const sigmoid = smallClassifier(1, { nodes: [["Sigmoid", ["scores"], ["y"]]] });

  it.each<[string, Model]>([
    ["a logit", logit],
    ["its sigmoid", sigmoid],
    [
      "a vector of sigmoids",
      smallClassifier(1, {
        shape: ["N"],
        nodes: [
          ["Sigmoid", ["scores"], ["p"]],
          ["Squeeze", ["p", "last"], ["y"]],
        ],
        initializers: { last: int64Tensor([1]) },
      }),
    ],
  ])("%s: negative and positive, p = σ(z), explained by −z and z", async (_name, model) => {
    const classifier = await open(model);
    expect(classifier.head).toBe("sigmoid");
    expect(classifier.classNames).toEqual(["negative", "positive"]);
    const image = smallImage(1);
    const [z] = await outputOf(logit, image);
    const [said] = await classifier.predict([image]);
    const p = 1 / (1 + Math.exp(-z!));
    expect([...said!.logits]).toEqual([expect.closeTo(-z!, 5), expect.closeTo(z!, 5)]);
    expect([...said!.probabilities]).toEqual([expect.closeTo(1 - p, 6), expect.closeTo(p, 6)]);
    expect(said!.className).toBe(z! > 0 ? "positive" : "negative");
    const [negative, positive] = await Promise.all(
      [0, 1].map(async (classIndex) => (await classifier.gradient({ classIndex, of: "logit" })([image])).gradients[0]!),
    );
    expect(
      maxRelative(
        negative!.map((value) => -value),
        positive!,
      ),
    ).toBeLessThan(1e-6);
    await expectGradient(classifier, image, 1);
    await classifier.close();
  });

  it("takes two names, of the negative and the positive class", async () => {
    const classifier = await open(sigmoid, { classNames: ["normal", "abnormal"] });
    expect(classifier.classNames).toEqual(["normal", "abnormal"]);
    await classifier.close();
    await expect(open(sigmoid, { classNames: ["abnormal"] })).rejects.toMatchObject({
      code: "model.classes",
      message: expect.stringMatching(/^Expected 2 class names, of the negative and the positive class/),
    });
  });

  it("a softmax over one score is refused, for it always answers 1", () => {
    const model = smallClassifier(1, { nodes: [["Softmax", ["scores"], ["y"], { axis: 1 }]] });
    expect(codeOf(() => classModelOf(model))).toMatch(/^model\.head: .*always answers 1/);
  });

  it("a probability without a sigmoid: that of the positive class", async () => {
    const model = smallClassifier(1, {
      nodes: [
        ["Sigmoid", ["scores"], ["p"]],
        ["Clip", ["p", "low", "high"], ["y"]],
      ],
      initializers: { low: float32Tensor(1e-6), high: float32Tensor(1 - 1e-6) },
    });
    const classifier = await open(model);
    expect(classifier.head).toBe("probabilities");
    const [p] = await outputOf(model, smallImage(1));
    const [said] = await classifier.predict([smallImage(1)]);
    expect([...said!.probabilities]).toEqual([expect.closeTo(1 - p!, 6), expect.closeTo(p!, 6)]);
    await expectGradient(classifier, smallImage(1), 1);
    await classifier.close();
  });
});

describe("several independent sigmoids", () => {
  const model = smallClassifier(4, { nodes: [["Sigmoid", ["scores"], ["y"]]] });

  it("names every class above its threshold, and explains each", async () => {
    const classifier = await open(model, { classNames: ["a", "b", "c", "d"] });
    expect(classifier.head).toBe("multi-label");
    const image = smallImage(1);
    const wanted = await outputOf(model, image);
    const [said] = await classifier.predict([image]);
    expect(maxRelative(said!.probabilities, wanted)).toBeLessThan(1e-6);
    const above = ["a", "b", "c", "d"].filter((_, index) => wanted[index]! >= 0.5);
    expect(above.length).toBeGreaterThan(0);
    expect(above.length).toBeLessThan(4);
    expect(said!.present).toEqual(above);
    for (const classIndex of [0, 1, 2, 3]) await expectGradient(classifier, image, classIndex);
    await classifier.close();
  });

  it("raw scores are of that kind when it is said", async () => {
    const raw = smallClassifier(4, { nodes: [["Identity", ["scores"], ["y"]]] });
    const wanted = await outputOf(model, smallImage(1));
    const classifier = await open(raw, { head: "multi-label" });
    const [said] = await classifier.predict([smallImage(1)]);
    expect(maxRelative(said!.probabilities, wanted)).toBeLessThan(1e-6);
    await classifier.close();
  });

  it("decomposed sigmoids are found by their range", async () => {
    const parts = smallClassifier(4, {
      nodes: [
        ["Neg", ["scores"], ["minus"]],
        ["Exp", ["minus"], ["powers"]],
        ["Add", ["powers", "one"], ["more"]],
        ["Div", ["one", "more"], ["y"]],
      ],
      initializers: { one: float32Tensor(1) },
    });
    const classifier = await open(parts);
    expect(classifier.head).toBe("multi-label");
    const [said] = await classifier.predict([smallImage(1)]);
    const wanted = await outputOf(smallClassifier(4, { nodes: [["Identity", ["scores"], ["y"]]] }), smallImage(1));
    expect(maxRelative(said!.logits, wanted)).toBeLessThan(1e-4);
    await classifier.close();
  });
});

describe("scores of other shapes", () => {
  it.each<[string, Tail]>([
    [
      "[N, C, 1, 1]",
      {
        shape: ["N", 3, 1, 1],
        nodes: [["Unsqueeze", ["scores", "axes"], ["y"]]],
        initializers: { axes: int64Tensor([2, 3]) },
      },
    ],
    [
      "[N, C, 1, 1] after a softmax over the channels",
      {
        shape: ["N", 3, 1, 1],
        nodes: [
          ["Unsqueeze", ["scores", "axes"], ["wide"]],
          ["Softmax", ["wide"], ["y"], { axis: 1 }],
        ],
        initializers: { axes: int64Tensor([2, 3]) },
      },
    ],
    [
      "[N, 1, 1, C] after a softmax over the last axis",
      {
        shape: ["N", 1, 1, 3],
        nodes: [
          ["Unsqueeze", ["scores", "axes"], ["wide"]],
          ["Softmax", ["wide"], ["y"], { axis: -1 }],
        ],
        initializers: { axes: int64Tensor([1, 2]) },
      },
    ],
  ])("%s are rows", async (_name, tail) => {
    const classifier = await open(smallClassifier(3, tail));
    const plain = await open(smallClassifier(3, { nodes: [["Softmax", ["scores"], ["y"], { axis: 1 }]] }));
    const images = [smallImage(0), smallImage(1)];
    const [got, wanted] = [await classifier.predict(images), await plain.predict(images)];
    expect(classifier.head).toBe("softmax");
    expect(got.map(({ logits }) => [...logits])).toEqual(
      wanted.map(({ logits }) => [...logits].map((value) => expect.closeTo(value, 5))),
    );
    await expectGradient(classifier, images[0]!, 1);
    await Promise.all([classifier.close(), plain.close()]);
  });

  it.each<[string, Tail, RegExp]>([
    [
      "a map",
      { outputs: { y: ["N", 4, side, side] }, nodes: [["Identity", ["features"], ["y"]]] },
      /^model\.not-scores: .*"y".* it is a map \[N, 4, 8, 8\]/,
    ],
    [
      "boxes",
      {
        outputs: { y: ["N", 4, side * side] },
        nodes: [["Reshape", ["features", "to"], ["y"]]],
        initializers: { to: int64Tensor([0, 4, side * side]) },
      },
      /^model\.not-scores: .*\[N, 4, 64\]: boxes of a detector/,
    ],
    [
      "rows that are no images",
      {
        outputs: { y: ["M", 4] },
        nodes: [
          ["Transpose", ["features"], ["last"], { perm: [0, 2, 3, 1] }],
          ["Reshape", ["last", "to"], ["y"]],
        ],
        initializers: { to: int64Tensor([-1, 4]) },
      },
      /^model\.not-scores: .*64 rows for one image/,
    ],
  ])("%s are refused as what they are", (_name, tail, message) => {
    expect(codeOf(() => classModelOf(smallClassifier(3, tail)))).toMatch(message);
  });
});

describe("what stays open is asked for", () => {
  const ambiguous = smallClassifier(1, {
    nodes: [
      ["Sigmoid", ["scores"], ["p"]],
      ["Pow", ["p", "power"], ["y"]],
    ],
    initializers: { power: float32Tensor(1.5) },
  });

  it("a single score from 0 to 1 of which nothing tells what it is", async () => {
    await expect(open(ambiguous)).rejects.toMatchObject({
      code: "model.head",
      message: expect.stringMatching(/a logit or a probability.*--head sigmoid .*--head probabilities/),
    });
    const [score] = await outputOf(ambiguous, smallImage(0));
    for (const [head, positive] of [
      ["sigmoid", 1 / (1 + Math.exp(-score!))],
      ["probabilities", score!],
    ] as const) {
      const classifier = await open(ambiguous, { head });
      const [said] = await classifier.predict([smallImage(0)]);
      expect(said!.probabilities[1]).toBeCloseTo(positive, 5);
      await classifier.close();
    }
  });

  it("several from 0 to 1 that do not sum to 1", async () => {
    const several = smallClassifier(3, {
      nodes: [
        ["Sigmoid", ["scores"], ["p"]],
        ["Pow", ["p", "power"], ["y"]],
      ],
      initializers: { power: float32Tensor(1.5) },
    });
    await expect(open(several)).rejects.toMatchObject({
      code: "model.head",
      message: expect.stringMatching(/--head softmax .*--head multi-label/),
    });
  });

  it("small scores after a ReLU are logits: nothing keeps them below 1", async () => {
    const small = smallClassifier(3, {
      nodes: [
        ["Mul", ["scores", "little"], ["less"]],
        ["Relu", ["less"], ["y"]],
      ],
      initializers: { little: float32Tensor(0.01) },
    });
    const classifier = await open(small);
    expect(classifier.head).toBe("softmax");
    expect(Math.max(...(await outputOf(small, smallImage(0))))).toBeLessThan(1);
    await classifier.close();
  });

  it.each<[Head, number, Tail["nodes"], RegExp]>([
    ["softmax", 1, [["Identity", ["scores"], ["y"]]], /one column: take "sigmoid"/],
    ["sigmoid", 3, [["Identity", ["scores"], ["y"]]], /3 columns.*"multi-label"/],
    ["sigmoid", 3, [["Softmax", ["scores"], ["y"], { axis: 1 }]], /ends in a Softmax/],
    ["softmax", 3, [["Sigmoid", ["scores"], ["y"]]], /ends in a Sigmoid: take "multi-label"/],
  ])("%s is refused for what the graph says is another head", (head, classes, nodes, message) => {
    expect(codeOf(() => classModelOf(smallClassifier(classes, { nodes }), { head }))).toMatch(message);
  });
});

describe("inputs and outputs beside the image and the scores", () => {
  const withAge = smallClassifier(3, {
    inputs: { image: ["N", 3, side, side], age: ["N", 2] },
    nodes: [
      ["MatMul", ["age", "ageWeights"], ["older"]],
      ["Add", ["scores", "older"], ["y"]],
    ],
    initializers: { ageWeights: float32Tensor([1, 2, 3, 4, 5, 6], [2, 3]) },
  });

  it("a second input that is needed is refused at loading, with its name and shape", async () => {
    await expect(open(withAge)).rejects.toMatchObject({
      code: "model.input",
      message: expect.stringContaining('the model needs "age" (float32 [N, 2]) besides "image"'),
    });
  });

  it("two images at once are refused", async () => {
    const two = smallClassifier(3, {
      inputs: { left: ["N", 3, side, side], right: ["N", 3, side, side] },
      before: [["Add", ["left", "right"], ["both"]]],
      from: "both",
      nodes: [["Identity", ["scores"], ["y"]]],
    });
    await expect(open(two)).rejects.toMatchObject({
      code: "model.input",
      message: expect.stringContaining('needs 2 at once: "left", "right"'),
    });
  });

  it("an input that the scores do not need is left alone", async () => {
    const spare = smallClassifier(3, {
      inputs: { image: ["N", 3, side, side], age: ["N", 2] },
      outputs: { y: ["N", 3], older: ["N", 2] },
      nodes: [
        ["Identity", ["scores"], ["y"]],
        ["Neg", ["age"], ["older"]],
      ],
    });
    const classifier = await open(spare, { output: "y" });
    const [said] = await classifier.predict([smallImage(0)]);
    expect(said!.probabilities).toHaveLength(3);
    await classifier.close();
  });

  it("of two outputs that could be the scores one is asked for", async () => {
    const both = smallClassifier(3, {
      outputs: { flat: ["N", 4], y: ["N", 3] },
      nodes: [["Identity", ["scores"], ["y"]]],
    });
    await expect(open(both)).rejects.toMatchObject({
      code: "autodiff.ambiguous-output",
      message: expect.stringContaining("--output"),
    });
    const classifier = await open(both, { output: "y" });
    expect(classifier.classNames).toHaveLength(3);
    await classifier.close();
  });
});

describeWithReference("models of the field whose scores were misread", (folder) => {
  const model = (name: string): string => `${folder}/field/${name}`;
  it.each<[string, Head, readonly number[] | undefined]>([
    ["one-logit-head/logit.onnx", "sigmoid", [0.0117, 0.9883]],
    ["one-logit-head/sigmoid.onnx", "sigmoid", [0.0117, 0.9883]],
    ["probabilities-without-head/decomposed.onnx", "probabilities", [0.8835, 0.1066, 0.0099]],
    ["probabilities-without-head/clipped.onnx", "probabilities", [0.8835, 0.1066, 0.0099]],
    ["probabilities-without-head/reordered.onnx", "probabilities", [0.0099, 0.8835, 0.1066]],
    ["probabilities-without-head/sigmoid-concat.onnx", "probabilities", [0.0117, 0.9883]],
    ["probabilities-without-head/ensemble.onnx", "probabilities", undefined],
    ["fp16-input/fp16.onnx", "softmax", [0.883]],
    ["fp16-input/float64.onnx", "softmax", [0.883]],
    ["uint8-input/uint8-nhwc.onnx", "softmax", undefined],
  ])("%s", async (name, head, wanted) => {
    const classifier = await loadModel(model(name), { cacheFolder: null });
    expect(classifier.head).toBe(head);
    const { tensor } = await imageFor(classifier, model("one-logit-head/cell.png"));
    const [said] = await classifier.predict([tensor]);
    wanted?.forEach((probability, index) => expect(said!.probabilities[index]).toBeCloseTo(probability, 2));
    const { gradients } = await classifier.gradient({ classIndex: said!.classIndex, of: "logit" })([tensor]);
    expect(gradients[0]!.some((value) => value !== 0)).toBe(true);
    await classifier.close();
  });

  it.each([
    ["several-inputs-outputs/image-and-age.onnx", "model.input", /needs "age" \(float32 \[N, 2\]\) besides/],
    ["several-inputs-outputs/two-images.onnx", "model.input", /"left", "right"/],
    ["several-inputs-outputs/segmentation.onnx", "model.not-scores", /a map \[N, 3, 16, 16\]/],
    ["several-inputs-outputs/embedding-and-logits.onnx", "autodiff.ambiguous-output", /--output/],
  ])("%s is refused: %s", async (name, code, message) => {
    await expect(loadModel(model(name))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
