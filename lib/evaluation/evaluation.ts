import { bootstrapInterval, type Interval } from "./bootstrap";
import { calibration, expectedCalibrationError, type Calibration } from "./calibration";
import {
  classificationScores,
  confusionMatrix,
  type ClassificationScores,
  type ConfusionMatrix,
} from "./confusion-matrix";
import { wilsonInterval } from "./wilson";
import { rocCurve, type RocCurve } from "./roc";

export interface Evaluation extends ClassificationScores {
  readonly samples: number;
  readonly matrix: ConfusionMatrix;
  /** One curve a class, against the rest. */
  readonly roc: readonly RocCurve[];
  /** Mean area over the classes that have one. */
  readonly macroAuc: number;
  readonly calibration: Calibration;
  readonly intervals: {
    readonly accuracy: Interval;
    readonly accuracyWilson: Interval;
    readonly macroF1: Interval;
    readonly expectedCalibrationError: Interval;
  };
}

export interface EvaluationOptions {
  readonly seed?: number;
  /** The group of each sample, a slide for example: bootstrap intervals then resample groups, for images of one are alike. */
  readonly groups?: readonly string[] | undefined;
}

/** @param probabilities [samples, classes], row by row  @param truths class index of each sample */
export function evaluatePredictions(
  classes: readonly string[],
  probabilities: ArrayLike<number>,
  truths: ArrayLike<number>,
  { seed = 1, groups }: EvaluationOptions = {},
): Evaluation {
  const samples = truths.length,
    width = classes.length;
  const predictions = new Int32Array(samples),
    confidences = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    let best = 0;
    for (let index = 1; index < width; index++)
      if ((probabilities[sample * width + index] ?? 0) > (probabilities[sample * width + best] ?? 0)) best = index;
    predictions[sample] = best;
    confidences[sample] = probabilities[sample * width + best] ?? 0;
  }
  const right = Array.from(predictions, (predicted, sample) => predicted === truths[sample]);
  const matrix = confusionMatrix(classes, truths, predictions);
  const roc = classes.map((_, index) =>
    rocCurve(
      Array.from({ length: samples }, (__, sample) => probabilities[sample * width + index] ?? 0),
      Array.from({ length: samples }, (__, sample) => truths[sample] === index),
    ),
  );
  const areas = roc.map(({ area }) => area).filter((area) => !Number.isNaN(area));
  return {
    samples,
    matrix,
    ...classificationScores(matrix),
    roc,
    calibration: calibration(confidences, right),
    macroAuc: areas.reduce((sum, area) => sum + area, 0) / areas.length,
    intervals: {
      accuracyWilson: wilsonInterval(right.filter(Boolean).length, samples),
      accuracy: bootstrapInterval(samples, (sample) => pick(right, sample).filter(Boolean).length / sample.length, {
        seed,
        groups,
      }),
      macroF1: bootstrapInterval(
        samples,
        (sample) =>
          classificationScores(confusionMatrix(classes, pick(truths, sample), pick(predictions, sample))).macro.f1,
        { seed, groups },
      ),
      expectedCalibrationError: bootstrapInterval(
        samples,
        (sample) => expectedCalibrationError(pick(confidences, sample), pick(right, sample)),
        { seed, groups },
      ),
    },
  };
}

function pick<T>(values: ArrayLike<T>, sample: Int32Array): T[] {
  return Array.from(sample, (index) => values[index] as T);
}
