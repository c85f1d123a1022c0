import { bootstrapInterval } from "../../lib/evaluation/bootstrap";
import { calibration } from "../../lib/evaluation/calibration";
import { classificationScores, confusionMatrix, rowNormalised } from "../../lib/evaluation/confusion-matrix";
import { evaluatePredictions } from "../../lib/evaluation/evaluation";
import { evaluationPage } from "../../lib/evaluation/evaluation-page";
import { wilsonInterval } from "../../lib/evaluation/wilson";
import { rocCurve } from "../../lib/evaluation/roc";

/** Worked by hand, and agreeing with scikit-learn's documentation of classification_report for this example. */
const truths = [0, 1, 2, 2, 2],
  predictions = [0, 0, 2, 2, 1];

describe("intervals that resample groups", () => {
  const right = Array.from({ length: 60 }, (_, index) => index % 12 < 6);
  const share = (sample: Int32Array) => sample.reduce((sum, index) => sum + (right[index] ? 1 : 0), 0) / sample.length;

  it("are wider where images of a group are alike, for they say less", () => {
    const groups = right.map((_, index) => `${Math.floor(index / 6)}`);
    const [alone, together] = [bootstrapInterval(60, share), bootstrapInterval(60, share, { groups })];
    expect(together.high - together.low).toBeGreaterThan(2 * (alone.high - alone.low));
  });

  it("take whole groups, however large", () => {
    const groups = right.map((_, index) => (index < 50 ? "large" : "small"));
    const lengths = new Set<number>();
    bootstrapInterval(60, (sample) => lengths.add(sample.length).size, { groups });
    expect([...lengths].toSorted((a, b) => a - b)).toEqual([20, 60, 100]);
  });

  it("are said to be so on the page", () => {
    const classes = ["a", "b"];
    const evaluation = evaluatePredictions(classes, [0.9, 0.1, 0.6, 0.4, 0.2, 0.8], [0, 1, 1], {
      groups: ["x", "x", "y"],
    });
    const page = evaluationPage({
      model: { name: "m", sha256: "0".repeat(64) },
      data: "d",
      part: "all images",
      flips: false,
      classes,
      evaluation,
      notes: [],
      unreadable: [],
      predictions: [],
      groups: { by: "cells.csv:<field>", count: 2 },
      leakage: { checked: 3, duplicates: 1, overlaps: 0 },
    });
    expect(page).toContain("by bootstrap over 2 groups of images");
    expect(page).toContain("2, by cells.csv:&lt;field&gt;");
    expect(page).toContain("Of 3 images it is judged by, 1 are near-duplicates of training images");
  });
});

describe("scores of a classification", () => {
  const matrix = confusionMatrix(["class 0", "class 1", "class 2"], truths, predictions);

  it("count truths by row and predictions by column", () => {
    expect(matrix.counts).toEqual([
      [1, 0, 0],
      [1, 0, 0],
      [0, 1, 2],
    ]);
    expect(rowNormalised(matrix)[2]).toEqual([0, 1 / 3, 2 / 3]);
  });

  it("are scikit-learn's for its own example", () => {
    const { accuracy, perClass, macro, weighted } = classificationScores(matrix);
    expect(accuracy).toBeCloseTo(0.6);
    expect(
      perClass.map(({ precision, recall, f1, support }) =>
        [precision, recall, f1, support].map((value) => Number(value.toFixed(2))),
      ),
    ).toEqual([
      [0.5, 1, 0.67, 1],
      [0, 0, 0, 1],
      [1, 0.67, 0.8, 3],
    ]);
    expect([macro.precision, macro.recall, macro.f1].map((value) => value.toFixed(2))).toEqual([
      "0.50",
      "0.56",
      "0.49",
    ]);
    expect([weighted.precision, weighted.recall, weighted.f1].map((value) => value.toFixed(2))).toEqual([
      "0.70",
      "0.60",
      "0.61",
    ]);
  });

  it("refuse a class that does not exist", () => {
    expect(() => confusionMatrix(["a", "b"], [0, 2], [0, 1])).toThrow("Expected classes below 2");
  });
});

describe("the area under a ROC curve", () => {
  it.each([
    ["scikit-learn's example", [0.1, 0.4, 0.35, 0.8], [false, false, true, true], 0.75],
    ["a perfect order", [0.1, 0.2, 0.3, 0.9], [false, false, true, true], 1],
    ["nothing but ties", [0.5, 0.5, 0.5, 0.5], [false, true, false, true], 0.5],
  ] as const)("of %s", (_, scores, positive, area) => {
    const curve = rocCurve(scores, positive);
    expect(curve.area).toBeCloseTo(area);
    expect(curve.points.at(-1)).toEqual({ falsePositiveRate: 1, truePositiveRate: 1 });
  });

  it("is not defined without both kinds", () => {
    expect(rocCurve([0.1, 0.2], [true, true]).area).toBeNaN();
  });
});

describe("calibration", () => {
  it("is perfect when predictions are right as often as they say", () => {
    const confidences = Array.from({ length: 10 }, () => 0.8);
    expect(
      calibration(
        confidences,
        confidences.map((_, index) => index < 8),
      ).expectedError,
    ).toBeCloseTo(0);
    expect(
      calibration(
        confidences,
        confidences.map((_, index) => index < 3),
      ).expectedError,
    ).toBeCloseTo(0.5);
  });

  it("tells what so few images show by chance: √(2 p (1 − p) / π n) in a single bin", () => {
    const [few, many] = [100, 1600].map(
      (samples) =>
        calibration(
          Array.from({ length: samples }, () => 0.7),
          Array.from({ length: samples }, (_, index) => index % 10 < 7),
        ).expectedErrorByChance,
    ) as [number, number];
    expect(Math.abs(few / Math.sqrt((2 * 0.7 * 0.3) / (Math.PI * 100)) - 1)).toBeLessThan(0.2);
    expect(many).toBeLessThan(few / 3);
  });

  it("puts the edges of the bins where they belong", () => {
    const { bins } = calibration([0, 0.1, 0.1000001, 1], [true, true, true, true], 10);
    expect(bins.map(({ count }) => count)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});

describe("bootstrap intervals", () => {
  it("have the width of the normal approximation for a share, and repeat by seed", () => {
    const right = Array.from({ length: 400 }, (_, index) => index % 5 !== 0);
    const accuracy = (sample: Int32Array) =>
      sample.reduce((sum, index) => sum + (right[index] ? 1 : 0), 0) / sample.length;
    const { low, high } = bootstrapInterval(400, accuracy);
    expect(low).toBeCloseTo(0.8 - 1.96 * 0.02, 1.7);
    expect(high).toBeCloseTo(0.8 + 1.96 * 0.02, 1.7);
    expect(bootstrapInterval(400, accuracy, { rounds: 20 })).toEqual(bootstrapInterval(400, accuracy, { rounds: 20 }));
  });
});

describe("Wilson's interval", () => {
  it("is the textbook's for 0, 10 and 20 of 20", () => {
    expect(
      [wilsonInterval(0, 20), wilsonInterval(10, 20), wilsonInterval(20, 20)].flatMap(({ low, high }) => [
        low.toFixed(4),
        high.toFixed(4),
      ]),
    ).toEqual(["0.0000", "0.1611", "0.2993", "0.7007", "0.8389", "1.0000"]);
  });
});

describe("a report page", () => {
  it("escapes what files and classes are called", () => {
    const classes = ["<b>a</b>", "b"];
    const evaluation = evaluatePredictions(classes, [0.9, 0.1, 0.6, 0.4, 0.2, 0.8], [0, 1, 1]);
    expect(evaluation.accuracy).toBeCloseTo(2 / 3);
    const page = evaluationPage({
      model: { name: "m", sha256: "0".repeat(64) },
      data: "d",
      part: "all images",
      flips: false,
      classes,
      evaluation,
      unreadable: [],
      notes: [],
      predictions: [
        {
          name: "<script>alert(1)</script>.png",
          className: "b",
          predicted: "<b>a</b>",
          probability: 0.6,
          probabilities: [0.6, 0.4],
        },
      ],
    });
    expect(page).not.toMatch(/<script|<b>/);
    expect(page).toContain("&lt;script&gt;alert(1)");
  });
});
