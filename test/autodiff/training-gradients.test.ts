import { readFileSync } from "node:fs";
import path from "node:path";
import { differentiateNamed } from "../../lib/autodiff/differentiate";
import { networkNamed } from "../../lib/networks/catalogue";
import { readSafetensors } from "../../lib/networks/safetensors";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import type { Model, Tensor } from "../../lib/onnx/model";
import { specialize } from "../../lib/onnx/specialize";
import { weightsByName } from "../networks/name-rule";
import { describeWithReference } from "../reference";
import { numbersOf, runModel, tensorOf } from "./run-model";

const classes = 5;

/** Appends the mean cross-entropy, − Σ shares · log softmax(logits), as the output "loss"; `shares` is one-hot over the batch size. */
function withLoss(model: Model): Model {
  const { graph } = model;
  graph.inputs.push({ name: "shares", dataType: "float32", shape: ["batch", classes] });
  const builder = new GraphBuilder(graph);
  const weighted = builder.add("Mul", [builder.add("LogSoftmax", ["logits"], { axis: -1 }), "shares"]);
  builder.add("Neg", [builder.add("ReduceSum", [weighted], { keepdims: 0 })], {}, "loss");
  graph.outputs.push({ name: "loss", dataType: "float32", shape: [] });
  return model;
}

function norm(values: Iterable<number>): number {
  return Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0));
}

interface Facts {
  readonly float32_error: {
    readonly gradients: { readonly all_tensors_together: { readonly suggested_l2_rel: number } };
  };
  readonly losses_before_each_step_then_after: readonly number[];
}

describeWithReference(
  "gradients of the training loss with respect to every parameter, against the float64 oracle",
  (reference) => {
    const folder = path.join(reference, "oracle", "training");

    test.each(["resnet50-mini", "ran92-mini", "densenet121-mini", "densenet121-rca-mini"])("%s", async (name) => {
      const oracle = readSafetensors(readFileSync(path.join(folder, `${name}.safetensors`)));
      const batch = readSafetensors(readFileSync(path.join(folder, "batch.safetensors")));
      const facts = (
        JSON.parse(readFileSync(path.join(folder, "training.json"), "utf8")) as { architectures: Record<string, Facts> }
      ).architectures[name]!;
      const network = networkNamed(name, { classes, size: 64 });
      const weights = weightsByName(network);
      const trained = network.parameters
        .filter(({ role }) => !role.startsWith("running"))
        .map((parameter) => parameter.name);
      const labels = [...numbersOf(batch.get("labels")!)];
      const shares = tensorOf(
        "float32",
        [labels.length, classes],
        labels.flatMap((label) =>
          Array.from({ length: classes }, (_, index) => (index === label ? 1 / labels.length : 0)),
        ),
      );
      const masks: Record<string, Tensor> = Object.fromEntries(
        network.dropouts.map(({ mask, features }) => [
          mask,
          tensorOf("float32", [labels.length, features], new Float32Array(labels.length * features).fill(1)),
        ]),
      );

      // onnxruntime opens graphs of this size several times faster when the batch size is fixed
      const loss = specialize(withLoss(network.build(weights, { mode: "training" })), { batch: labels.length });
      const { model, gradients } = differentiateNamed(loss, { outputs: ["loss"], wrt: trained });
      const got = await runModel(model, {
        input: batch.get("images")!,
        shares,
        ...masks,
        d_loss: tensorOf("float32", [], [1]),
      });

      const [firstLoss] = facts.losses_before_each_step_then_after;
      expect(Math.abs(numbersOf(got["loss"]!)[0]! / firstLoss! - 1)).toBeLessThan(2e-6);
      const wanted = [...oracle].filter(([key]) => key.startsWith("grad."));
      // unused parameters are in the checkpoint and have a gradient of zero
      const used = wanted.filter(([key]) => trained.includes(key.slice(5)));
      expect(used.length).toBe(trained.length);
      const total = norm(used.flatMap(([, tensor]) => [...numbersOf(tensor)]));
      const gap = norm(
        used.flatMap(([key, tensor]) => {
          const mine = numbersOf(got[gradients.get(key.slice(5))!]!);
          return [...numbersOf(tensor)].map((value, index) => value - mine[index]!);
        }),
      );
      expect(gap / total).toBeLessThan(facts.float32_error.gradients.all_tensors_together.suggested_l2_rel);
    });
  },
);
