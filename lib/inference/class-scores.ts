import { peelSoftmax, type SoftmaxHead } from "../autodiff/softmax-head";
import { workingCopy } from "../autodiff/working-copy";
import { ModelError } from "../contract/errors";
import type { Head } from "../contract/head";
import { dataTypeCode } from "../onnx/data-types";
import { GraphBuilder } from "../onnx/graph-builder";
import { inferShapes } from "../onnx/infer-shapes";
import type { Dimension, Model } from "../onnx/model";
import { columnsOf } from "./score-columns";
import { rangeOf } from "./value-ranges";

/** A graph whose logits and probabilities are [batch, classes], whatever shape and meaning its output had. */
export interface Scores {
  readonly model: Model;
  readonly logits: string;
  /** The value that holds the probabilities; undefined where the head has to be computed from the logits. */
  readonly probabilities: string | undefined;
  readonly head: Head;
  /** Nothing in the graph tells what the scores are: running it may. */
  readonly undecided: boolean;
  /** Whether operators keep the output from 0 to 1. */
  readonly withinUnit: boolean;
  /** What was peeled off to find the logits. */
  readonly activation: SoftmaxHead["operator"] | undefined;
  readonly classes: number | undefined;
  /** One score tells two classes apart. */
  readonly oneScore: boolean;
  /** In a sentence: what the head is, and how that is known. */
  readonly says: string;
}

export interface ScoresRequest {
  readonly output: string;
  /** The image input at one size. */
  readonly image: { readonly name: string; readonly dims: readonly number[] };
  readonly head: Head | undefined;
}

/** Below this probability a logarithm stays where it is: log 0 is no number. */
const smallestProbability = 1e-30;

/**
 * What an output's scores are, by the graph alone.
 * @throws ModelError "model.not-scores" for an output that holds none, "model.head" for a head that contradicts the graph
 */
export function scoresOf(model: Model, { output, image, head: asked }: ScoresRequest): Scores {
  const columns = columnsOf(model, output, image);
  const peeled = peelSoftmax(model, output);
  const activation = peeled.head?.operator;
  const range = activation ? undefined : rangeOf(model, output);
  const withinUnit = activation === "Sigmoid" || (range !== undefined && range.low >= -1e-6 && range.high <= 1 + 1e-6);
  // Known operators that let values grow without end make no probabilities.
  const isFree = range?.high === Infinity;
  const count = columns?.count;
  const found = activation
    ? headOfActivation(activation, count, output)
    : isFree
      ? count === 1
        ? "sigmoid"
        : "softmax"
      : count === 1 && withinUnit
        ? "probabilities"
        : undefined;
  const head = asked === undefined ? found : headAsked(asked, { activation, count, output });
  const rewriting = new Rewriting(peeled.model, peeled.logits, columns);
  const oneScore = count === 1 && head !== undefined;
  const common = { activation, withinUnit, undecided: head === undefined };
  const done = (logits: string, probabilities?: string): Scores => ({
    ...common,
    head: head ?? "softmax",
    model: rewriting.model,
    logits,
    probabilities,
    classes: oneScore ? 2 : count,
    oneScore,
    says: sentence({ head: head ?? "softmax", output, logits: peeled.logits, activation, count, withinUnit }),
  });
  const rows = rewriting.rows();
  switch (head) {
    case "sigmoid":
      return done(rewriting.negativeAndPositive(rows));
    case "probabilities": {
      const probabilities = count === 1 ? rewriting.withComplement(rows) : rows;
      return done(rewriting.logarithm(probabilities), probabilities);
    }
    case "multi-label":
      return done(withinUnit && activation === undefined ? rewriting.logOdds(rows) : rows);
    default:
      return done(rows, activation === "Softmax" && rewriting.isUntouched ? output : undefined);
  }
}

function headOfActivation(activation: SoftmaxHead["operator"], count: number | undefined, output: string): Head {
  if (activation === "Sigmoid") return count === 1 ? "sigmoid" : "multi-label";
  if (count !== 1) return "softmax";
  throw new ModelError(
    "model.head",
    `Expected several scores before the ${activation} of output "${output}" but there is one, for which a softmax always answers 1`,
  );
}

function headAsked(
  asked: Head,
  {
    activation,
    count,
    output,
  }: { activation: SoftmaxHead["operator"] | undefined; count: number | undefined; output: string },
): Head {
  const refuse = (why: string): never => {
    throw new ModelError("model.head", `Expected scores for the head "${asked}" in output "${output}" but ${why}`);
  };
  if (asked === "sigmoid" || asked === "multi-label") {
    if (activation === "Softmax" || activation === "LogSoftmax") return refuse(`it ends in a ${activation}`);
    if (asked === "sigmoid" && count !== 1)
      return refuse(`it has ${count ?? "an unknown number of"} columns, and that head is for one: take "multi-label"`);
    return count === 1 ? "sigmoid" : asked;
  }
  if (activation === "Sigmoid") {
    if (asked === "probabilities" && count === 1) return "sigmoid";
    return refuse(`it ends in a Sigmoid: take "${count === 1 ? "sigmoid" : "multi-label"}"`);
  }
  // The probabilities of a softmax have better logits than their logarithms.
  if (activation) return "softmax";
  if (asked === "softmax" && count === 1) return refuse('it has one column: take "sigmoid", or "probabilities"');
  return asked;
}

/** Nodes after the output, and after what was peeled. */
class Rewriting {
  model: Model;
  private builder: GraphBuilder | undefined;

  constructor(
    model: Model,
    private readonly start: string,
    private readonly columns: ReturnType<typeof columnsOf>,
  ) {
    this.model = model;
  }

  get isUntouched(): boolean {
    return this.builder === undefined;
  }

  /** The scores as float32 [batch, columns]. */
  rows(): string {
    const { graph } = this.model;
    const type = graph.outputs.find(({ name }) => name === this.start) ?? inferShapes(this.model).get(this.start);
    const typed =
      type === undefined || type.dataType === "float32"
        ? this.start
        : this.add("Cast", [this.start], { to: dataTypeCode("float32") });
    if (!this.columns || this.columns.asRows === "already") return typed;
    if (this.columns.asRows === "flatten") return this.add("Flatten", [typed], { axis: 1 });
    return this.add("Reshape", [typed, this.write().int64([1, -1])]);
  }

  /** [−z, z]: σ of them are the probabilities of both classes. */
  negativeAndPositive(logit: string): string {
    return this.add("Concat", [this.add("Neg", [logit]), logit], { axis: 1 });
  }

  /** [1 − p, p] */
  withComplement(probability: string): string {
    return this.add("Concat", [this.add("Sub", [this.write().float32(1), probability]), probability], { axis: 1 });
  }

  /** log p */
  logarithm(probabilities: string): string {
    return this.add("Log", [this.add("Max", [probabilities, this.write().float32(smallestProbability)])]);
  }

  /** log p − log(1 − p) */
  logOdds(probabilities: string): string {
    const complement = this.add("Sub", [this.write().float32(1), probabilities]);
    return this.add("Sub", [this.logarithm(probabilities), this.logarithm(complement)]);
  }

  private write(): GraphBuilder {
    if (this.builder === undefined) {
      this.model = workingCopy(this.model);
      this.builder = new GraphBuilder(this.model.graph, "scores/");
    }
    return this.builder;
  }

  private add(operator: string, inputs: readonly string[], attributes: Record<string, number> = {}): string {
    const builder = this.write();
    const name = builder.add(operator, inputs, attributes);
    const batch: Dimension = this.model.graph.outputs.find((output) => output.name === this.start)?.shape?.[0] ?? null;
    this.model.graph.outputs.push({ name, dataType: "float32", shape: [batch, null] });
    return name;
  }
}

function sentence({
  head,
  output,
  logits,
  activation,
  count,
  withinUnit,
}: {
  head: Head;
  output: string;
  logits: string;
  activation: SoftmaxHead["operator"] | undefined;
  count: number | undefined;
  withinUnit: boolean;
}): string {
  const before = activation && `"${output}" is the ${activation} of "${logits}"`;
  switch (head) {
    case "softmax":
      return before ?? `"${output}" holds a logit for each class, and a softmax makes probabilities of them`;
    case "sigmoid":
      return `${before ?? `"${output}" holds one logit`}: two classes, negative and positive`;
    case "multi-label":
      return `${before ?? `"${output}" holds ${withinUnit ? "a probability" : "a logit"} for each class`}: each class is there or not, whatever the others are`;
    case "probabilities":
      return count === 1
        ? `"${output}" holds one probability: two classes, negative and positive; logarithms of probabilities stand for the logits`
        : `"${output}" holds probabilities that sum to 1; their logarithms stand for the logits`;
  }
}
