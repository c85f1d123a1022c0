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

interface Golden { losses_before_each_step_then_after: number[]; sgd: { lr: number; losses: number[] }; parameters_without_gradient?: string[] }

describeWithReference("training the small networks of the oracle", (folder) => {
  const oracle = path.join(folder, "oracle");
  const facts = JSON.parse(readFileSync(path.join(oracle, "training", "training.json"), "utf8")) as { labels: number[]; architectures: Record<string, Golden> };
  const batch = readSafetensors(readFileSync(path.join(oracle, "training", "batch.safetensors")));
  const images = batch.get("images")!;

  async function trainer(name: string) {
    const network = networkNamed(name, { classes: 5, size: 64 });
    const weights = loadWeights(network, readSafetensors(readFileSync(path.join(oracle, "mini", name, "weights.safetensors"))));
    const graph = buildTrainingGraph(network, weights);
    const session = await Session.open(writeModel(graph.model), { threads: 1 });
    const masks = Object.fromEntries(network.dropouts.map(({ mask, features }) => [mask, float32Tensor(new Float32Array(8 * features).fill(1), [8, features])]));
    const current = new Map([...weights].map(([key, tensor]) => [key, float32Tensor(Float32Array.from(tensor.data as Float32Array), tensor.dims)]));
    const step = async () => {
      const inputs = Object.fromEntries([...current].filter(([key]) => session.inputNames.includes(key)));
      return session.run({ ...inputs, ...masks, input: images, labels: int64Tensor(facts.labels) });
    };
    const moveStatistics = (outputs: ReadonlyMap<string, Tensor>) => {
      for (const [parameter, output] of graph.statistics) current.set(parameter, outputs.get(output)!);
    };
    return { network, graph, session, current, step, moveStatistics };
  }

  const worst = (got: readonly number[], want: readonly number[]) => {
    const scale = Math.max(...want.map(Math.abs), 1e-12);
    return Math.max(...want.map((value, index) => Math.abs(value - got[index]!))) / scale;
  };

  const check = (parameter: string, error: number, tolerance: number) => {
    if (!(error <= tolerance)) throw new Error(`Expected ${parameter} within ${tolerance} of its largest value but it is off by ${error}`);
  };

  describe.each(Object.entries(facts.architectures))("%s", (name, golden) => {
    const goldens = readSafetensors(readFileSync(path.join(oracle, "training", `${name}.safetensors`)));

    it("gives the first loss, its gradients and the running statistics", async () => {
      const { graph, session, current, step, moveStatistics } = await trainer(name);
      const outputs = await step();
      expect(worst(toNumbers(outputs.get("logits")!), toNumbers(goldens.get("logits_first_step")!))).toBeLessThan(2e-5);
      expect(toNumbers(outputs.get(graph.loss)!)[0]).toBeCloseTo(golden.losses_before_each_step_then_after[0]!, 5);
      let gradients = 0;
      for (const [parameter, output] of graph.gradients) {
        const want = goldens.get(`grad.${parameter}`);
        if (!want) continue;
        gradients++;
        const got = toNumbers(outputs.get(output)!), expected = toNumbers(want);
        // A bias before batch normalisation has no effect: its true gradient is zero, rounding is all there is.
        if (Math.max(...expected.map(Math.abs)) > 1e-6) check(parameter, worst(got, expected), 3e-3);
      }
      expect(gradients).toBeGreaterThan(30);
      moveStatistics(outputs);
      for (const parameter of graph.statistics.keys()) {
        check(parameter, worst(toNumbers(current.get(parameter)!), toNumbers(goldens.get(`after1.${parameter}`)!)), 1e-5);
      }
      await session.close();
    });

    it.each([
      ["Adam", new Adam(), 1e-3, golden.losses_before_each_step_then_after],
      ["plain descent", new Sgd(), golden.sgd.lr, golden.sgd.losses],
    ] as [string, Optimizer, number, number[]][])("follows the losses of three steps of %s", async (_, optimizer, rate, losses) => {
      const { network, graph, session, current, step, moveStatistics } = await trainer(name);
      const slots = new Map(network.parameters.map(({ name: parameter }) => [
        parameter, Object.fromEntries(optimizer.slots.map((slot) => [slot, new Float32Array(current.get(parameter)!.data.length)])),
      ]));
      for (let count = 0; count < 4; count++) {
        const outputs = await step();
        const loss = toNumbers(outputs.get(graph.loss)!)[0]!;
        expect(Math.abs(loss / losses[count]! - 1)).toBeLessThan(count === 0 ? 1e-6 : 2e-2);
        moveStatistics(outputs);
        if (count === 3) break;
        for (const parameter of network.parameters.filter((spec) => isTrainable(spec))) {
          const gradient = outputs.get(graph.gradients.get(parameter.name)!)!.data as Float32Array;
          optimizer.update(current.get(parameter.name)!.data as Float32Array, gradient, slots.get(parameter.name)!, count + 1, rate, true);
        }
      }
      if (optimizer instanceof Adam) {
        for (const parameter of graph.statistics.keys()) {
          check(parameter, worst(toNumbers(current.get(parameter)!), toNumbers(goldens.get(`after3.${parameter}`)!)), 2e-2);
        }
      }
      await session.close();
    });
  });
});
