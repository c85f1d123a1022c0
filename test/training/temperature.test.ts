import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import { CounterRandom } from "../../lib/random/counter-random";
import { summarise, type Scores } from "../../lib/training/scores";
import { atTemperature, temperatureOf } from "../../lib/training/temperature";

/** Labels drawn from softmax(logits / temperature). */
function scoresAt(temperature: number, samples: number, classes = 4): Scores {
  const random = new CounterRandom(7);
  const logits = Float32Array.from({ length: samples * classes }, () => random.normal(0, 3));
  const labels = Int32Array.from({ length: samples }, (_, sample) => {
    const weights = Array.from({ length: classes }, (__, index) =>
      Math.exp(logits[sample * classes + index]! / temperature),
    );
    let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    return Math.max(
      0,
      weights.findIndex((weight) => (left -= weight) < 0),
    );
  });
  return { logits, labels, classes, labelsPerSample: 1 };
}

const divided = (scores: Scores, by: number): Scores => ({
  ...scores,
  logits: scores.logits.map((logit) => logit / by),
});

test.each([0.5, 1, 2.5])("finds the temperature that the labels were drawn at, %s", (temperature) => {
  const scores = scoresAt(temperature, 5000);
  const found = temperatureOf(scores);
  expect(Math.abs(found / temperature - 1)).toBeLessThan(0.06);
  const loss = (by: number) => summarise(divided(scores, by)).loss;
  expect(loss(found)).toBeLessThan(loss(found * 1.05));
  expect(loss(found)).toBeLessThan(loss(found * 0.95));
});

test("scales with the logits", () => {
  const scores = scoresAt(2, 200);
  expect(temperatureOf(divided(scores, 0.25)) / temperatureOf(scores)).toBeCloseTo(4, 4);
});

test("makes nothing surer when every label is met", () => {
  const { logits, classes } = scoresAt(1, 50);
  const best = Int32Array.from({ length: 50 }, (_, sample) => {
    const row = logits.slice(sample * classes, (sample + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
  expect(temperatureOf({ logits, labels: best, classes, labelsPerSample: 1 })).toBe(1);
});

test.each(["resnet50-mini", "densenet-rca-small", "unet-mini"])(
  "the head of %s alone is divided, weights and biases",
  (name) => {
    const network = networkNamed(name, { classes: 3, size: 64 });
    const weights = initializeWeights(network, 1);
    const changed = [...atTemperature(network, weights, 2)].filter(
      ([parameter, { data }]) => data !== weights.get(parameter)!.data,
    );
    expect(changed).toHaveLength(2);
    for (const [parameter, { data, dims }] of changed) {
      expect(dims[0]).toBe(3);
      expect(data[0]).toBe((weights.get(parameter)!.data[0] as number) / 2);
    }
  },
);
