import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { evaluatePredictions } from "../../lib/evaluation/evaluation";
import { evaluationPage } from "../../lib/evaluation/evaluation-page";
import { modelCard } from "../../lib/contract/model-card";
import { renderReport } from "../../lib/report/report";
import { studyPage } from "../../lib/study/study-page";
import type { EpochRecord } from "../../lib/training/checkpoint";
import { trainingPage } from "../../lib/training/training-page";
import { projectRoot } from "../reference";
import { sampleBatch } from "../report/sample-batch";
import { describeInBrowser } from "./browser";

const classes = [
  "Superficial-Intermediate",
  "Parabasal",
  "Koilocytotic",
  "Dyskeratotic",
  "Metaplastic",
  ...Array.from({ length: 6 }, (_, i) => `Another class, with a longer name, number ${i}`),
];
const longName = `im_Superficial-Intermediate/${"a-long-folder-name/".repeat(6)}0123456789_0123456789.bmp`;

function evaluation(): string {
  const samples = Array.from({ length: 330 }, (_, i) => i % classes.length);
  const rows = samples.map((truth, i) =>
    classes.map((_, j) => (i % 7 === 3 ? (j === (truth + 3) % 11 ? 0.6 : 0.04) : j === truth ? 0.9 : 0.01)),
  );
  return evaluationPage({
    model: { name: "densenet121-rca", sha256: "0123456789abcdef".repeat(4) },
    data: "data",
    part: "test of the study split",
    flips: true,
    classes,
    evaluation: evaluatePredictions(classes, rows.flat(), samples),
    notes: [],
    unreadable: [{ name: longName, reason: "Expected an image but received 3 bytes" }],
    predictions: rows.map((probabilities, i) => ({
      name: `${i}/${longName}`,
      className: classes[samples[i]!]!,
      predicted: classes[(probabilities as number[]).indexOf(Math.max(...probabilities))]!,
      probability: Math.max(...probabilities),
      probabilities,
    })),
  });
}

function training(epochs: number): string {
  const history = Array.from({ length: epochs }, (_, i): EpochRecord => ({
    epoch: i + 1,
    loss: 2 / (i + 1),
    trainAccuracy: 1 - 0.8 / (i + 1),
    validationLoss: i === 4 ? Number.NaN : 2.2 / (i + 1) + i / 40,
    validationAccuracy: 0.9 - 0.7 / (i + 1) - i / 200,
    seconds: 61,
  }));
  return trainingPage(`densenet121 on ${longName}`, history, 30, epochs === 0);
}

const study = (): string =>
  studyPage({
    phantom: true,
    sipakmed: false,
    preset: "quick",
    data: "phantoms",
    size: 64,
    epochs: 4,
    results: (["full", "cropped", "masked", "generalisation"] as const).map((variant) => ({
      network: "densenet121-rca",
      trained: "densenet121-rca-mini",
      variant,
      accuracy: 0.9512,
      low: 0.91,
      high: 1,
      macroF1: 0.9496,
      testImages: 1234,
      minutes: 3,
    })),
    figures: [],
  });

/** With the card of the shipped model, whose metrics have long names. */
async function report(): Promise<string> {
  const card = modelCard.parse(
    JSON.parse(readFileSync(path.join(projectRoot, "models", "phantom-densenet121-rca", "card.json"), "utf8")),
  );
  const batch = sampleBatch(
    "slides",
    Array.from({ length: 6 }, (_, i) => ({
      name: `${i}.png`,
      thumbnail: new Uint8Array(),
      label: card.classes[i % 5]!,
    })),
    card.classes,
  );
  return renderReport({ ...batch, summary: { ...batch.summary, model: { ...batch.summary.model!, card } } });
}

const pages: readonly (readonly [string, () => string | Promise<string>])[] = [
  ["evaluation", evaluation],
  ["training", () => training(12)],
  ["first-epoch", () => training(1)],
  ["before-training", () => training(0)],
  ["study", study],
  ["report", report],
];

describeInBrowser("every page, in a real browser", (browser) => {
  const folder = mkdtempSync(path.join(tmpdir(), "cytolens-pages-"));
  const axe = readFileSync(path.join(projectRoot, "node_modules", "axe-core", "axe.min.js"), "utf8");
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(pages)(
    "%s: nothing is fetched or refused, nothing scrolls sideways, no text is squeezed, axe-core finds nothing",
    async (name, make) => {
      const file = path.join(folder, `${name}.html`);
      writeFileSync(file, (await make()).replace(/<meta http-equiv="refresh"[^>]*>/, ""));
      for (const [width, colorScheme] of [
        [1400, "light"],
        [390, "light"],
        [1400, "dark"],
      ] as const) {
        const page = await browser().newPage({ viewport: { width, height: 900 }, colorScheme });
        const troubles: string[] = [];
        page.on("console", (message) => troubles.push(message.text()));
        page.on("pageerror", (error) => troubles.push(error.message));
        await page.goto(pathToFileURL(file).href);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
        const squeezed = await page.evaluate(`
          [...document.querySelectorAll("dd,dt,td,th,p,li,figcaption,h1,h2,h3")]
            .filter((element) => element.textContent.trim().length > 12 && element.getClientRects().length > 0)
            .filter((element) => element.getBoundingClientRect().width < 100 && element.getBoundingClientRect().height > 60)
            .map((element) => element.outerHTML.slice(0, 120))`);
        expect(squeezed).toEqual([]);
        const small = await page.evaluate(`
          [...document.querySelectorAll(".plot svg text")]
            .map((text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)
            .filter((pixels) => Math.abs(pixels) > 0.01 && pixels < 10)`);
        expect(small).toEqual([]);
        await page.evaluate(axe);
        expect(
          await page.evaluate(
            "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 150)).join(' | ')))",
          ),
        ).toEqual([]);
        expect(troubles).toEqual([]);
        await page.close();
      }
    },
    120_000,
  );
});
