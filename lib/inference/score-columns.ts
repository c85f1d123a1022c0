import { workingCopy } from "../autodiff/working-copy";
import { ModelError } from "../contract/errors";
import { inferShapes } from "../onnx/infer-shapes";
import type { Dimension, Model } from "../onnx/model";
import { shapeText } from "./image-input";

/** How an output's elements become rows of scores, an image each. */
export interface ScoreColumns {
  /** Scores of an image; undefined where the graph does not tell. */
  readonly count: number | undefined;
  /** "already" [batch, columns]; "flatten": other axes than the first and that of the scores are 1; "unsqueeze": the batch of 1 was dropped. */
  readonly asRows: "already" | "flatten" | "unsqueeze";
}

/**
 * The columns of an output, at one size of the image; undefined where not even its rank is known.
 * @throws ModelError "model.not-scores" for maps, boxes and answers for parts of an image
 */
export function columnsOf(
  model: Model,
  output: string,
  image: { readonly name: string; readonly dims: readonly number[] },
): ScoreColumns | undefined {
  if (model.graph.nodes.some(({ operator }) => operator === "NonMaxSuppression"))
    throw notScores(output, "comes from a detector (NonMaxSuppression chooses among boxes)");
  const shape = shapeAt(model, output, image);
  if (!shape) return undefined;
  const said = shapeText(model.graph.outputs.find(({ name }) => name === output)?.shape ?? shape);
  const [batch = 1] = image.dims;
  if (shape.length === 0) throw notScores(output, "is one number for all images");
  if (shape.length === 1) {
    const [extent = null] = shape;
    if (extent === null || typeof extent === "string") return { count: undefined, asRows: "already" };
    if (extent === batch) return { count: 1, asRows: "flatten" };
    if (batch === 1) return { count: extent, asRows: "unsqueeze" };
    throw notScores(output, `is ${said} for ${batch} images`);
  }
  const [rows = null, ...rest] = shape;
  if (typeof rows === "number" && rows !== batch)
    throw notScores(output, `is ${said}: ${rows} rows for ${batch === 1 ? "one image" : `${batch} images`}`);
  const wide = rest.filter((extent) => typeof extent === "number" && extent !== 1) as number[];
  if (wide.length > 1)
    throw notScores(
      output,
      shape.length === 4
        ? `is a map ${said}, as models that segment have`
        : `is ${said}: boxes of a detector, or an answer for each part of the image`,
    );
  const isKnown = rest.every((extent) => typeof extent === "number");
  return {
    count: isKnown ? (wide[0] ?? 1) : wide[0],
    asRows: shape.length === 2 ? "already" : "flatten",
  };
}

function shapeAt(
  model: Model,
  output: string,
  image: { readonly name: string; readonly dims: readonly number[] },
): readonly Dimension[] | undefined {
  const copy = workingCopy(model);
  copy.graph.inputs = copy.graph.inputs.map((info) =>
    info.name === image.name ? { ...info, shape: image.dims } : info,
  );
  // What the file says of symbolic extents would outlive the symbols.
  copy.graph.valueInfo.clear();
  copy.graph.outputs = copy.graph.outputs.map((info) => ({ ...info, shape: undefined }));
  const inferred = inferShapes(copy).get(output)?.shape;
  const said = model.graph.outputs.find(({ name }) => name === output)?.shape;
  if (!inferred || inferred.length !== said?.length) return inferred ?? said;
  return inferred.map((extent, axis) => (typeof extent === "number" ? extent : (said[axis] ?? extent)));
}

function notScores(output: string, what: string): ModelError {
  return new ModelError(
    "model.not-scores",
    `Expected scores of classes in output "${output}", a row for each image, but it ${what}`,
  );
}
