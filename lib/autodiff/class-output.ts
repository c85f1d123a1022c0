import { ModelError } from "../contract/errors";
import { isFloat } from "../onnx/data-types";
import type { Model } from "../onnx/model";
import { closestNames } from "../contract/closest-names";

/**
 * The output that holds the scores of the classes: the one asked for, else the only float output, else the only one of shape
 * [batch, classes]. Throws a ModelError when several could be meant (autodiff.ambiguous-output) or the name is unknown.
 */
export function classOutput(model: Model, asked?: string): string {
  const { outputs } = model.graph;
  const names = outputs.map(({ name }) => name);
  if (asked !== undefined) {
    if (names.includes(asked)) return asked;
    throw new ModelError(
      "autodiff.unknown-name",
      `Expected an output of the model but found none named "${asked}"; the closest are ${closestNames(asked, names).join(", ")}`,
    );
  }
  const floats = outputs.filter(({ dataType }) => isFloat(dataType));
  const rows = floats.filter(({ shape }) => shape?.length === 2);
  const [only, ...others] = floats.length === 1 || rows.length === 0 ? floats : rows;
  if (only && others.length === 0) return only.name;
  if (!only)
    throw new ModelError(
      "model.not-scores",
      `Expected an output with the scores of the classes but the model's outputs are ${outputs.map(({ name, dataType }) => `"${name}" (${dataType})`).join(", ") || "none"}`,
    );
  throw new ModelError(
    "autodiff.ambiguous-output",
    `Expected one output with the scores of the classes but the model has ${1 + others.length} float outputs that could be it (of ${names.map((name) => `"${name}"`).join(", ")}); name one (--output)`,
  );
}
