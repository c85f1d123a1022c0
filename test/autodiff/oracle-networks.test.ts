import { readFileSync } from "node:fs";
import path from "node:path";
import { differentiateNamed } from "../../lib/autodiff/differentiate";
import { peelSoftmax } from "../../lib/autodiff/softmax-head";
import { workingCopy } from "../../lib/autodiff/working-copy";
import { readSafetensors } from "../../lib/networks/safetensors";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import type { Model, Tensor } from "../../lib/onnx/model";
import { readModel } from "../../lib/onnx/read-model";
import { float32Tensor } from "../../lib/onnx/tensor";
import { describeWithReference } from "../reference";
import { expectClose, numbersOf, openModel } from "./run-model";

interface Tolerance {
  readonly suggested_max_rel: number;
}

interface ForeignFacts {
  readonly softmax_head: boolean;
  readonly float32_error: Readonly<Record<string, Tolerance>>;
}

interface MiniFacts {
  readonly images: Readonly<
    Record<string, { target_class: number; quantities: Record<string, { float32_error: Tolerance }> }>
  >;
}

const json = <T>(...parts: string[]): T => JSON.parse(readFileSync(path.join(...parts), "utf8")) as T;

/** Ones at each image's target class. */
function oneHot(targets: Iterable<number>, classes: number): Tensor {
  const rows = [...targets].map((target) => Array.from({ length: classes }, (_, index) => Number(index === target)));
  return float32Tensor(rows.flat(), [rows.length, classes]);
}

/** Σ over outputs of Σ output[target], one output at a time: the gradients with respect to the input, from one session. */
async function openGradients(
  model: Model,
  outputs: readonly string[],
  classes: number,
): Promise<{
  of(output: string, feed: Tensor, targets: Iterable<number>): Promise<{ value: Tensor; gradient: Tensor }>;
  release(): Promise<void>;
}> {
  const input = model.graph.inputs[0]!.name;
  const { model: both, cotangents, gradients } = differentiateNamed(model, { outputs, wrt: [input] });
  const running = await openModel(both);
  return {
    of: async (output, feed, targets) => {
      const chosen = oneHot(targets, classes);
      const zeros = float32Tensor(
        Array.from(numbersOf(chosen), () => 0),
        chosen.dims,
      );
      const feeds = outputs.map((name) => [cotangents.get(name)!, name === output ? chosen : zeros] as const);
      const got = await running.run({ [input]: feed, ...Object.fromEntries(feeds) });
      return { value: got[output]!, gradient: got[gradients.get(input)!]! };
    },
    release: () => running.release(),
  };
}

describeWithReference("networks exported by others, against float64 gradients", (reference) => {
  const folder = path.join(reference, "oracle", "foreign");
  const index = reference ? json<Record<string, ForeignFacts>>(folder, "index.json") : {};

  test.each(Object.entries(index))("%s", async (name, facts) => {
    const golden = readSafetensors(readFileSync(path.join(folder, name, "golden.safetensors")));
    const model = readModel(readFileSync(path.join(folder, name, "model.onnx")));
    const output = model.graph.outputs[0]!.name;
    const targets = numbersOf(golden.get("target")!);
    const peeled = peelSoftmax(model, output);
    expect(Boolean(peeled.head)).toBe(facts.softmax_head);

    const gradients = await openGradients(peeled.model, [...new Set([peeled.logits, output])], 7);

    const logits = await gradients.of(peeled.logits, golden.get("input")!, targets);
    expectClose("logits", logits.value, golden.get("logits")!, facts.float32_error["logits"]!.suggested_max_rel);
    expectClose(
      "grad_logit",
      logits.gradient,
      golden.get("grad_logit")!,
      facts.float32_error["grad_logit"]!.suggested_max_rel,
    );

    if (facts.softmax_head) {
      const whole = await gradients.of(output, golden.get("input")!, targets);
      expectClose(
        "grad_probability",
        whole.gradient,
        golden.get("grad_probability")!,
        facts.float32_error["grad_probability"]!.suggested_max_rel,
      );
    }
    await gradients.release();
  });
});

describeWithReference(
  "the four reduced networks as both PyTorch exporters write them, against float64 gradients",
  (reference) => {
    const folder = path.join(reference, "oracle", "mini");
    const index = reference ? json<Record<string, object>>(folder, "models.json") : {};
    const cases = Object.entries(index).flatMap(([name, exporters]) =>
      Object.keys(exporters).map((exporter) => [name, exporter] as const),
    );

    test.each(cases)("%s, %s", async (name, exporter) => {
      const goldens = readSafetensors(readFileSync(path.join(folder, name, "goldens.safetensors")));
      const inputs = readSafetensors(readFileSync(path.join(folder, "inputs-64.safetensors")));
      const model = withSoftmax(readModel(readFileSync(path.join(folder, name, `model-${exporter}.onnx`))));
      const gradients = await openGradients(model, ["logits", "softmax"], 5);

      for (const [image, facts] of Object.entries(json<MiniFacts>(folder, name, "goldens.json").images)) {
        const feed = inputs.get(image);
        if (!feed || !goldens.has(`${image}.grad_logit`)) continue;
        const tolerance = (quantity: string): number => facts.quantities[quantity]!.float32_error.suggested_max_rel;
        const logits = await gradients.of("logits", feed, [facts.target_class]);
        expectClose(`${image} logits`, logits.value, goldens.get(`${image}.logits`)!, tolerance("logits"));
        expectClose(
          `${image} grad_logit`,
          logits.gradient,
          goldens.get(`${image}.grad_logit`)!,
          tolerance("grad_logit"),
        );
        const probability = await gradients.of("softmax", feed, [facts.target_class]);
        expectClose(
          `${image} grad_probability`,
          probability.gradient,
          goldens.get(`${image}.grad_probability`)!,
          tolerance("grad_probability"),
        );
      }
      await gradients.release();
    });
  },
);

function withSoftmax(model: Model): Model {
  const copy = workingCopy(model);
  new GraphBuilder(copy.graph).add("Softmax", ["logits"], { axis: 1 }, "softmax");
  copy.graph.outputs.push({ ...copy.graph.outputs[0]!, name: "softmax" });
  return copy;
}
