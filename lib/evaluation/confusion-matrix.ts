/** Counts of (true class, predicted class). */
export interface ConfusionMatrix {
  readonly classes: readonly string[];
  /** counts[truth][predicted] */
  readonly counts: readonly (readonly number[])[];
}

interface ClassScores {
  readonly className: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly support: number;
}

export interface ClassificationScores {
  readonly accuracy: number;
  readonly perClass: readonly ClassScores[];
  /** Means over the classes, each counting once. */
  readonly macro: Omit<ClassScores, "className">;
  /** Means over the classes, each by its support. */
  readonly weighted: Omit<ClassScores, "className">;
}

export function confusionMatrix(
  classes: readonly string[],
  truths: ArrayLike<number>,
  predictions: ArrayLike<number>,
): ConfusionMatrix {
  const counts = classes.map(() => classes.map(() => 0));
  for (let index = 0; index < truths.length; index++) {
    const row = counts[truths[index] ?? -1],
      predicted = predictions[index] ?? -1;
    if (!row || predicted < 0 || predicted >= classes.length) {
      throw new RangeError(
        `Expected classes below ${classes.length} but received truth ${truths[index]} and prediction ${predictions[index]}`,
      );
    }
    row[predicted] = (row[predicted] ?? 0) + 1;
  }
  return { classes, counts };
}

/** Each row divided by its sum; a class without samples stays at zero. */
export function rowNormalised({ counts }: ConfusionMatrix): number[][] {
  return counts.map((row) => {
    const total = sumOf(row);
    return row.map((count) => (total === 0 ? 0 : count / total));
  });
}

/** Precision, recall and F1 a class; where a denominator is zero the value is 0, as scikit-learn has it. */
export function classificationScores({ classes, counts }: ConfusionMatrix): ClassificationScores {
  const perClass = classes.map((className, index) => {
    const hits = counts[index]?.[index] ?? 0;
    const support = sumOf(counts[index] ?? []),
      predicted = sumOf(counts.map((row) => row[index] ?? 0));
    const precision = ratio(hits, predicted),
      recall = ratio(hits, support);
    return { className, precision, recall, f1: ratio(2 * precision * recall, precision + recall), support };
  });
  const total = sumOf(perClass.map(({ support }) => support));
  const mean = (weightOf: (scores: ClassScores) => number) => {
    const of = (key: "precision" | "recall" | "f1") => sumOf(perClass.map((scores) => scores[key] * weightOf(scores)));
    return { precision: of("precision"), recall: of("recall"), f1: of("f1"), support: total };
  };
  return {
    accuracy: ratio(sumOf(counts.map((row, index) => row[index] ?? 0)), total),
    perClass,
    macro: mean(() => 1 / classes.length),
    weighted: mean(({ support }) => ratio(support, total)),
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
