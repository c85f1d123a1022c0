import { describeIssue } from "./describe-issue";
import { ModelError } from "./errors";
import { modelCard, type ModelCard } from "./model-card";
import { readJson } from "./read-json";

/**
 * A model card from what was read or put together.
 * @param where in messages, what it came from
 * @throws ModelError "model.card", which names every field that is wrong
 */
export function parseCard(value: unknown, where: string): ModelCard {
  const parsed = modelCard.safeParse(value, { reportInput: true });
  if (!parsed.success)
    throw refused(
      where,
      parsed.error.issues.map((issue) => describeIssue(issue, value)),
    );
  const problems = problemsOf(parsed.data);
  if (problems.length > 0) throw refused(where, problems);
  return parsed.data;
}

/** @throws ModelError "model.card" for text that is no JSON, and as `parseCard` */
export function parseCardText(text: Uint8Array | string, where: string): ModelCard {
  const read = readJson(text);
  if ("problem" in read) throw new ModelError("model.card", `Expected JSON in ${where} but received ${read.problem}`);
  return parseCard(read.value, where);
}

function refused(where: string, problems: readonly string[]): ModelError {
  return new ModelError("model.card", `Cannot use ${where}:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
}

/** What is well formed but does not fit together. */
function problemsOf({ classes, input, severity = [], thresholds = [] }: ModelCard): string[] {
  const planes = input.channels === "grey" ? 1 : 3;
  const names = new Set(classes);
  const strangers = severity.filter((name) => !names.has(name));
  return [
    ...(["mean", "std"] as const)
      .filter((field) => input[field].length !== 1 && input[field].length !== planes)
      .map(
        (field) =>
          `input.${field}: Expected one number, or ${planes} for ${input.channels} images (received ${input[field].join(", ")})`,
      ),
    ...(names.size < classes.length ? ["classes: Expected names that differ from each other"] : []),
    ...(strangers.length > 0
      ? [`severity: Expected names of the classes ${classes.join(", ")} (received ${strangers.join(", ")})`]
      : []),
    ...(thresholds.length > 1 && thresholds.length !== classes.length
      ? [`thresholds: Expected one number, or ${classes.length} for the classes (received ${thresholds.length})`]
      : []),
  ];
}
