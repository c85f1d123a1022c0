/** Operators whose outputs do not change with small changes of their inputs: their gradients are zero, and nothing flows back. */
export const flatOperators: ReadonlySet<string> = new Set([
  "Ceil",
  "ConstantOfShape",
  "EyeLike",
  "Floor",
  "Hardmax",
  "RandomNormalLike",
  "RandomUniformLike",
  "Round",
  "Shape",
  "Sign",
  "Size",
]);

const controlFlow =
  "it runs a graph of its own, which is not differentiated; export the model with the branch taken or the loop unrolled";
const quantised =
  "quantised arithmetic moves in steps, so that its gradient is zero almost everywhere; use the model before quantisation";
const random = "its output is drawn at random";
const sequence = "it works on sequences or optional values, not on tensors";
const regions = "it samples regions or offsets that belong to detectors, which are not differentiated here";
const selection = "which elements it gives back changes in jumps";
const text = "it works on text";

/** Operators that are refused wherever a gradient would have to pass them, and why. */
export const refusedOperators: ReadonlyMap<string, string> = new Map(
  Object.entries({
    If: controlFlow,
    Loop: controlFlow,
    Scan: controlFlow,
    SequenceMap: controlFlow,
    ConvInteger: quantised,
    DynamicQuantizeLinear: quantised,
    MatMulInteger: quantised,
    QLinearConv: quantised,
    QLinearMatMul: quantised,
    QuantizeLinear: quantised,
    Bernoulli: random,
    Multinomial: random,
    ConcatFromSequence: sequence,
    Optional: sequence,
    OptionalGetElement: sequence,
    SequenceAt: sequence,
    SequenceConstruct: sequence,
    SequenceErase: sequence,
    SequenceInsert: sequence,
    SplitToSequence: sequence,
    DeformConv: regions,
    MaxRoiPool: regions,
    RoiAlign: regions,
    NonMaxSuppression: selection,
    Unique: selection,
    StringConcat: text,
    StringNormalizer: text,
    StringSplit: text,
    TfIdfVectorizer: text,
  }),
);
