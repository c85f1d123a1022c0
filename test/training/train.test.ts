import { access, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import { readCheckpoint, writeWhole, type EpochRecord } from "../../lib/training/checkpoint";
import type { SampleSource } from "../../lib/training/sample-source";
import { parseTrainingSettings } from "../../lib/training/training-settings";
import { train } from "../../lib/training/train";
import type { TrainingRun } from "../../lib/training/training-run";
import { CounterRandom } from "../../lib/random/counter-random";

const size = 32,
  classes = ["left", "right"];

/** Images whose brighter half tells the class, under noise that depends on the sample and, in training, the epoch. */
function halves(count: number, seed: number): SampleSource {
  return {
    count,
    labelsPerSample: 1,
    close: async () => {},
    batch: async (requests) => {
      const input = new Float32Array(requests.length * 3 * size * size),
        labels = new BigInt64Array(requests.length);
      requests.forEach(({ sample, epoch = 0 }, position) => {
        const random = new CounterRandom(seed, sample, epoch);
        const label = sample % 2;
        labels[position] = BigInt(label);
        for (let at = 0; at < 3 * size * size; at++) {
          const right = at % size >= size / 2;
          input[position * 3 * size * size + at] = (right === (label === 1) ? 0.8 : -0.8) + random.uniform(-1, 1);
        }
      });
      return { input, labels, count: requests.length };
    },
  };
}

const network = networkNamed("resnet50-mini", { classes: 2, size });

function run(
  overrides: Partial<TrainingRun> = {},
  settings: Parameters<typeof parseTrainingSettings>[0] = {},
): TrainingRun {
  return {
    network,
    classes,
    weights: initializeWeights(network, 3),
    train: halves(18, 1),
    validation: halves(6, 2),
    fingerprint: "the run",
    threads: 1,
    settings: parseTrainingSettings({ size, epochs: 3, batch: 8, rate: 3e-3, seed: 5, averaging: 0.9, ...settings }),
    ...overrides,
  };
}

const bytesOf = (weights: ReadonlyMap<string, { data: unknown }>) =>
  [...weights].map(([name, { data }]) => [
    name,
    Buffer.from((data as Float32Array).buffer.slice(0)).toString("base64"),
  ]);
const withoutSeconds = (history: readonly EpochRecord[]) => history.map((record) => ({ ...record, seconds: 0 }));

describe("a training run", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "training-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("learns, gives the same model for the same seed and another for another", async () => {
    const losses: number[] = [];
    const first = await train(run({ onStep: ({ loss }) => losses.push(loss) }, { epochs: 10, dropout: 0 }));
    expect(first.history).toHaveLength(10);
    expect(first.history.at(-1)!.loss).toBeLessThan(0.3 * first.history[0]!.loss);
    expect(losses).toHaveLength(20);
    expect(bytesOf((await train(run({}, { epochs: 10, dropout: 0 }))).weights)).toEqual(bytesOf(first.weights));
    expect(bytesOf((await train(run({}, { epochs: 10, dropout: 0, seed: 6 }))).weights)).not.toEqual(
      bytesOf(first.weights),
    );
  });

  it("goes on after a kill and ends as an unbroken one, bit for bit", async () => {
    const unbroken = await train(run({}, { dropout: 0.3 }));
    const checkpointFile = path.join(folder, "checkpoint.safetensors");
    let epochs = 0;
    const killed = train(
      run(
        {
          checkpointFile,
          // Dies in the middle of the second epoch, after the first was written.
          onEpoch: () => {
            epochs++;
          },
          onStep: ({ epoch, step }) => {
            if (epoch === 2 && step === 1) throw new Error("killed");
          },
        },
        { dropout: 0.3 },
      ),
    );
    await expect(killed).rejects.toThrow("killed");
    expect(epochs).toBe(1);
    const resumed = await train(run({ checkpointFile }, { dropout: 0.3 }));
    expect(resumed.resumedAfterEpoch).toBe(1);
    expect(bytesOf(resumed.weights)).toEqual(bytesOf(unbroken.weights));
    expect(withoutSeconds(resumed.history)).toEqual(withoutSeconds(unbroken.history));
  });

  it("stops early when validation no longer improves, and keeps the best epoch", async () => {
    const result = await train(run({}, { epochs: 30, patience: 2, rate: 1e-6, averaging: 0 }));
    expect(result.history.length).toBeLessThan(30);
    const best = Math.max(...result.history.map(({ validationAccuracy }) => validationAccuracy));
    expect(
      result.history.length - result.history.findIndex(({ validationAccuracy }) => validationAccuracy === best),
    ).toBe(3);
    expect(result.history[result.bestEpoch - 1]!.validationAccuracy).toBe(best);
  });

  it("leaves frozen parameters as they were", async () => {
    const weights = initializeWeights(network, 3);
    const result = await train(run({ weights }, { epochs: 1, averaging: 0, freeze: ["conv1", "layer1."] }));
    const changed = (name: string) =>
      Buffer.compare(
        Buffer.from((weights.get(name)!.data as Float32Array).buffer),
        Buffer.from((result.weights.get(name)!.data as Float32Array).buffer),
      ) !== 0;
    expect(["conv1.weight", "layer1.0.conv1.weight", "layer2.0.conv1.weight", "fc.1.weight"].map(changed)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it("stops at a loss that is no number, says which step, and keeps the last good checkpoint", async () => {
    const checkpointFile = path.join(folder, "checkpoint.safetensors");
    const good = halves(18, 1);
    const poisoned: SampleSource = {
      ...good,
      batch: async (requests) => {
        const batch = await good.batch(requests);
        if (requests[0]!.epoch === 2) batch.input[7] = Number.NaN;
        return batch;
      },
    };
    await expect(train(run({ train: poisoned, checkpointFile }))).rejects.toMatchObject({
      code: "training.diverged",
      message: expect.stringMatching(
        /step 3 \(epoch 2, batch 1\) gave NaN; the checkpoint of epoch 1 is kept/,
      ) as string,
    });
    const { state, weights } = await readCheckpoint(checkpointFile);
    expect(state.epoch).toBe(1);
    expect([...weights.values()].every((data) => data.every(Number.isFinite))).toBe(true);
  });

  it("refuses a checkpoint of another network or of another run, and a file that is none", async () => {
    const checkpointFile = path.join(folder, "checkpoint.safetensors");
    await train(run({ checkpointFile }, { epochs: 1 }));
    const other = networkNamed("densenet121-mini", { classes: 2, size });
    await expect(
      train(run({ checkpointFile, network: other, weights: initializeWeights(other, 1) })),
    ).rejects.toMatchObject({ code: "checkpoint.other-network" });
    await expect(train(run({ checkpointFile, fingerprint: "another" }))).rejects.toMatchObject({
      code: "checkpoint.other-run",
    });
    await writeFile(checkpointFile, "not a checkpoint");
    await expect(train(run({ checkpointFile }))).rejects.toThrow();
  });

  it("is prolonged beyond its first plan when asked to, and names what differs when it refuses", async () => {
    const checkpointFile = path.join(folder, "checkpoint.safetensors");
    const planned = (epochs: number, extra: Partial<TrainingRun> = {}, rate = 3e-3) => {
      const one = run({ checkpointFile, fingerprint: `${epochs} ${rate}`, ...extra }, { epochs, rate });
      return train({ ...one, identity: { settings: one.settings, data: "a".repeat(64) } });
    };
    await planned(1);
    await expect(planned(3)).rejects.toMatchObject({
      code: "checkpoint.other-run",
      message: expect.stringMatching(/differ in settings.epochs: 1 there, 3 here; pass --resume/) as string,
    });
    await expect(planned(3, { prolong: true }, 1e-3)).rejects.toMatchObject({
      message: expect.stringMatching(/settings.rate: 0.003 there, 0.001 here/) as string,
    });
    const prolonged = await planned(3, { prolong: true });
    expect([prolonged.resumedAfterEpoch, prolonged.history.length, prolonged.earlierPlans]).toEqual([1, 3, [1]]);
    // From then on it is a run of three epochs.
    expect((await planned(3)).resumedAfterEpoch).toBe(3);
    await expect(planned(2, { prolong: true })).rejects.toMatchObject({
      message: expect.stringMatching(/prolong it beyond the 3 epochs that are done/) as string,
    });
  });

  it("teaches the head at a rate of its own", async () => {
    const before = initializeWeights(network, 3);
    const { weights } = await train(run({}, { epochs: 1, headRate: 1e-30, averaging: 0, keep: "last" }));
    const moved = (name: string) =>
      Math.max(
        ...(weights.get(name)!.data as Float32Array).map((value, at) =>
          Math.abs(value - (before.get(name)!.data as Float32Array)[at]!),
        ),
      );
    expect(moved("fc.1.weight")).toBeLessThan(1e-20);
    expect(moved("conv1.weight")).toBeGreaterThan(1e-3);
  });

  it("keeps the last epoch when told to, for all that an earlier one was better", async () => {
    const best = await train(run({}, { epochs: 6, rate: 3e-2 }));
    const last = await train(run({}, { epochs: 6, rate: 3e-2, keep: "last" }));
    expect(last.bestEpoch).toBe(6);
    expect(last.history.map(({ loss }) => loss)).toEqual(best.history.map(({ loss }) => loss));
  });

  it("draws small classes as often, mixes images, and puts the prior back into the head's bias", async () => {
    const labels = Array.from({ length: 18 }, (_, sample) => sample % 2).map((label, sample) =>
      sample < 12 ? 0 : label,
    );
    const settings = { epochs: 1, rate: 1e-12, averaging: 0, mixup: 0.3, keep: "last" } as const;
    const [plain, balanced] = await Promise.all([
      train(run({ labels }, settings)),
      train(run({ labels }, { ...settings, sampling: "balanced" })),
    ]);
    const bias = ({ weights }: typeof plain) => weights.get("fc.1.bias")!.data as Float32Array;
    const moved = bias(balanced).map((value, label) => value - bias(plain)[label]!);
    expect(moved[0]).toBeCloseTo(Math.log(15 / 18 / 0.5), 4);
    expect(moved[1]).toBeCloseTo(Math.log(3 / 18 / 0.5), 4);
  });

  it("refuses to leave out branches of a network that has none", async () => {
    await expect(train(run({}, { dropPath: 0.1 }))).rejects.toMatchObject({ code: "training.settings" });
  });

  it("refuses fewer images than a batch, and settings out of range", async () => {
    await expect(train(run({ train: halves(7, 1) }))).rejects.toMatchObject({ code: "training.too-few" });
    expect(() => parseTrainingSettings({ rate: -1, epochs: 0 })).toThrow(/epochs.*rate|rate.*epochs/);
  });

  it("reports a full disk and leaves the file before whole", async () => {
    if (
      !(await access("/dev/full").then(
        () => true,
        () => false,
      ))
    )
      return;
    const file = path.join(folder, "checkpoint.safetensors");
    await writeWhole(file, "good");
    await symlink("/dev/full", `${file}.part`);
    await expect(writeWhole(file, new Uint8Array(10_000))).rejects.toMatchObject({ code: "storage.full" });
    expect(await readFile(file, "utf8")).toBe("good");
  });
});
