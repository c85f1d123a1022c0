import { readFileSync } from "node:fs";
import path from "node:path";
import { Adam } from "../../lib/training/adam";
import { rateAt } from "../../lib/training/schedule";
import { Sgd } from "../../lib/training/sgd";
import { describeWithReference } from "../reference";

describeWithReference("Adam on a given sequence of gradients", (folder) => {
  it("follows PyTorch's float64 run to the precision of float32", () => {
    const { adam_alone: reference } = JSON.parse(
      readFileSync(path.join(folder, "oracle", "training", "training.json"), "utf8"),
    ) as {
      adam_alone: { start: number[]; gradients: number[][]; after_each_step: number[][] };
    };
    const weights = Float32Array.from(reference.start);
    const slots = { first: new Float32Array(weights.length), second: new Float32Array(weights.length) };
    reference.gradients.forEach((gradient, step) => {
      new Adam().update(weights, Float32Array.from(gradient), slots, step + 1, 1e-3, true);
      weights.forEach((weight, index) =>
        expect(Math.abs(weight - reference.after_each_step[step]![index]!)).toBeLessThan(2e-7),
      );
    });
  });
});

describe("stochastic gradient descent", () => {
  it("accumulates momentum and decays weights", () => {
    const weights = Float32Array.of(1),
      slots = { velocity: new Float32Array(1) };
    new Sgd(0.5, 0.1).update(weights, Float32Array.of(2), slots, 1, 0.1, true);
    expect(weights[0]).toBeCloseTo(1 - 0.1 * 2.1, 6);
    new Sgd(0.5, 0.1).update(weights, Float32Array.of(0), slots, 2, 0.1, false);
    expect(weights[0]).toBeCloseTo(0.79 - 0.1 * 1.05, 6);
  });
});

describe("learning-rate schedules", () => {
  it("warm up, then fall by cosine to zero or by steps, or stay", () => {
    const base = { rate: 1, totalSteps: 110, warmupSteps: 10 };
    expect(rateAt({ ...base, name: "cosine" }, 0)).toBeCloseTo(0.1);
    expect(rateAt({ ...base, name: "cosine" }, 10)).toBe(1);
    expect(rateAt({ ...base, name: "cosine" }, 60)).toBeCloseTo(0.5);
    expect(rateAt({ ...base, name: "cosine" }, 110)).toBeCloseTo(0);
    expect([20, 50, 90].map((step) => rateAt({ name: "step", rate: 1, totalSteps: 99 }, step))).toEqual([
      1,
      0.1,
      expect.closeTo(0.01) as number,
    ]);
    expect(rateAt({ ...base, name: "constant" }, 99)).toBe(1);
  });
});
