import { readFileSync } from "node:fs";
import path from "node:path";
import { Session } from "../../lib/inference/session";
import { networkNamed } from "../../lib/networks/catalogue";
import { loadWeights } from "../../lib/networks/load-weights";
import { readSafetensors } from "../../lib/networks/safetensors";
import type { Tensor } from "../../lib/onnx/model";
import { float32Tensor, int64Tensor, toNumbers } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { Adam } from "../../lib/training/adam";
import { Sgd } from "../../lib/training/sgd";
import type { Optimizer } from "../../lib/training/optimizer";
import { buildTrainingGraph, isTrainable } from "../../lib/training/training-graph";
import { describeWithReference } from "../reference";

type Checksums = Record<string, { first: number; sum_of_squares: number }>;
interface Golden {
  losses_before_each_step_then_after: number[];
  parameter_checksums_after_three_steps: Checksums;
  parameters_without_gradient: string[];
  sgd: { lr: number; losses: number[]; parameter_checksums_after_three_steps: Checksums };
}

function sums(adam: boolean, golden: Golden): Checksums {
  const all = adam ? golden.parameter_checksums_after_three_steps : golden.sgd.parameter_checksums_after_three_steps;
  return Object.fromEntries(
    Object.entries(all).filter(([parameter]) => !golden.parameters_without_gradient.includes(parameter)),
  );
}

/** Largest error over largest value, of many tensors together. */
function maxRelative(pairs: readonly (readonly [Tensor, Tensor])[]): number {
  let error = 0,
    scale = 0;
  for (const [got, want] of pairs) {
    const [values, expected] = [toNumbers(got), toNumbers(want)];
    expect(values).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) {
      error = Math.max(error, Math.abs(value - values[index]!));
      scale = Math.max(scale, Math.abs(value));
    }
  }
  return error / scale;
}

describeWithReference("training the small networks of the oracle", (folder) => {
  const oracle = path.join(folder, "oracle");
  const facts = JSON.parse(readFileSync(path.join(oracle, "training", "training.json"), "utf8")) as {
    labels: number[];
    architectures: Record<string, Golden>;
  };
  const batch = readSafetensors(readFileSync(path.join(oracle, "training", "batch.safetensors")));
  const images = batch.get("images")!;

  async function open(name: string) {
    const network = networkNamed(name, { classes: 5, size: 64 });
    const weights = loadWeights(
      network,
      readSafetensors(readFileSync(path.join(oracle, "mini", name, "weights.safetensors"))),
    );
    const graph = buildTrainingGraph(network, weights, { batch: 8 });
    const session = await Session.open(writeModel(graph.model), { threads: 1 });
    return { network, weights, graph, session };
  }

  /** The oracle's weights anew, on a session that serves all tests of a network. */
  function trainer({ network, weights, graph, session }: Awaited<ReturnType<typeof open>>) {
    const masks = Object.fromEntries(
      network.dropouts.map(({ mask, features }) => [
        mask,
        float32Tensor(new Float32Array(8 * features).fill(1), [8, features]),
      ]),
    );
    const current = new Map(
      [...weights].map(([key, tensor]) => [
        key,
        float32Tensor(Float32Array.from(tensor.data as Float32Array), tensor.dims),
      ]),
    );
    const step = async () => {
      const inputs = Object.fromEntries([...current].filter(([key]) => session.inputNames.includes(key)));
      return session.run({ ...inputs, ...masks, input: images, labels: int64Tensor(facts.labels) });
    };
    const moveStatistics = (outputs: ReadonlyMap<string, Tensor>) => {
      for (const [parameter, output] of graph.statistics) current.set(parameter, outputs.get(output)!);
    };
    return { network, graph, current, step, moveStatistics };
  }

  describe.each(Object.entries(facts.architectures))("%s", (name, golden) => {
    const goldens = readSafetensors(readFileSync(path.join(oracle, "training", `${name}.safetensors`)));

    let opened: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      opened = await open(name);
    });
    afterAll(() => opened.session.close());

    it("gives the first loss, its gradients and the running statistics", async () => {
      const { graph, current, step, moveStatistics } = trainer(opened);
      const outputs = await step();
      expect(maxRelative([[outputs.get("logits")!, goldens.get("logits_first_step")!]])).toBeLessThan(6e-5);
      expect(toNumbers(outputs.get(graph.loss)!)[0]).toBeCloseTo(golden.losses_before_each_step_then_after[0]!, 5);
      const gradients = [...graph.gradients].map(
        ([parameter, output]) => [outputs.get(output)!, goldens.get(`grad.${parameter}`)!] as const,
      );
      // One unit on the other side of a kink moves gradients of the deep networks by this much, PyTorch's float32 too.
      expect(maxRelative(gradients)).toBeLessThan(name === "resnet50-mini" ? 3e-5 : 7e-3);
      moveStatistics(outputs);
      expect(
        maxRelative(
          [...graph.statistics.keys()].map((parameter) => [
            current.get(parameter)!,
            goldens.get(`after1.${parameter}`)!,
          ]),
        ),
      ).toBeLessThan(2e-5);
    });

    it.each([
      ["Adam", new Adam(), 1e-3, golden.losses_before_each_step_then_after],
      ["plain descent", new Sgd(), golden.sgd.lr, golden.sgd.losses],
    ] as [string, Optimizer, number, number[]][])(
      "follows the losses of three steps of %s",
      async (_, optimizer, rate, losses) => {
        const { network, graph, current, step, moveStatistics } = trainer(opened);
        const slots = new Map(
          network.parameters.map(({ name: parameter }) => [
            parameter,
            Object.fromEntries(
              optimizer.slots.map((slot) => [slot, new Float32Array(current.get(parameter)!.data.length)]),
            ),
          ]),
        );
        for (let count = 0; count < 4; count++) {
          const outputs = await step();
          const loss = toNumbers(outputs.get(graph.loss)!)[0]!;
          expect(Math.abs(loss / losses[count]! - 1)).toBeLessThan(count === 0 ? 1e-6 : 2e-2);
          if (count === 3) break;
          moveStatistics(outputs);
          for (const parameter of network.parameters.filter((spec) => isTrainable(spec))) {
            const gradient = outputs.get(graph.gradients.get(parameter.name)!)!.data as Float32Array;
            optimizer.update(
              current.get(parameter.name)!.data as Float32Array,
              gradient,
              slots.get(parameter.name)!,
              count + 1,
              rate,
              true,
            );
          }
        }
        if (optimizer instanceof Adam) {
          expect(
            maxRelative(
              [...graph.statistics.keys()].map((parameter) => [
                current.get(parameter)!,
                goldens.get(`after3.${parameter}`)!,
              ]),
            ),
          ).toBeLessThan(2e-2);
        }
        // All tensors together: in one small tensor a unit beyond a kink shows.
        const checksums = Object.entries(sums(optimizer instanceof Adam, golden));
        const squares = checksums.reduce(
          (total, [parameter]) =>
            total + toNumbers(current.get(parameter)!).reduce((sum, value) => sum + value * value, 0),
          0,
        );
        expect(
          Math.abs(squares / checksums.reduce((total, [, { sum_of_squares }]) => total + sum_of_squares, 0) - 1),
        ).toBeLessThan(1e-3);
      },
    );
  });
});
