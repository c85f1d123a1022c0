import { spawnSync } from "node:child_process";
import path from "node:path";
import { networkNamed } from "../lib/networks/catalogue";
import { initializeWeights } from "../lib/networks/initialize";
import { CounterRandom } from "../lib/random/counter-random";
import type { SampleSource } from "../lib/training/sample-source";
import { parseTrainingSettings } from "../lib/training/settings";
import { TrainingSteps } from "../lib/training/training-steps";

const steps = 4;

/**
 * Images a second of training (forward, backward, Adam) and the peak of memory, after one step to warm up:
 * npm run bench:training -- [network] [size] [batch] [threads]. Where Python has PyTorch, the same there for comparison.
 */
async function main([name = "densenet121", size = "224", batch = "16", threads = "2"]: readonly string[]): Promise<void> {
  const settings = parseTrainingSettings({ size: Number(size), batch: Number(batch), epochs: 1 });
  const network = networkNamed(name, { classes: 5, size: settings.size });
  const source: SampleSource = { count: settings.batch, labelsPerSample: 1, close: async () => {}, batch: () => Promise.reject(new Error("not asked")) };
  const opened = performance.now();
  const training = await TrainingSteps.open({
    network, classes: ["a", "b", "c", "d", "e"], weights: initializeWeights(network, 1), train: source, validation: source, settings, fingerprint: "", threads: Number(threads),
  });
  const openSeconds = (performance.now() - opened) / 1000;
  const samples = Array.from({ length: settings.batch }, (_, index) => index);
  const random = new CounterRandom(1);
  const data = {
    count: settings.batch, labels: BigInt64Array.from(samples, (sample) => BigInt(sample % 5)),
    input: Float32Array.from({ length: settings.batch * 3 * settings.size ** 2 }, () => random.uniform(-2, 2)),
  };
  const times: number[] = [];
  for (let step = 1; step <= steps + 1; step++) {
    const started = performance.now();
    await training.step(data, samples, 1, step, 1e-3);
    if (step > 1) times.push((performance.now() - started) / 1000);
  }
  await training.close();
  const middle = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
  console.log(JSON.stringify({
    network: name, size: settings.size, batch: settings.batch, threads: Number(threads), imagesPerSecond: Number((settings.batch / middle).toFixed(2)),
    secondsToOpen: Number(openSeconds.toFixed(1)), peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }));
  const script = path.join(__dirname, "..", "..", "bench", "training_pytorch.py");
  const python = spawnSync("python3", [script, name, size, batch, threads], { encoding: "utf8" });
  console.log(python.status === 0 ? python.stdout.trim() : `No comparison with PyTorch: ${(python.stderr ?? "python3 is not there").trim().split("\n").at(-1)}`);
}

void main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
