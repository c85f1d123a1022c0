import type { ModelDescription } from "./model-description";
import { readLiteral, type Literal } from "./python-literal";

/** What a file says of itself, and under which key. */
export interface FileDescription {
  readonly said: ModelDescription;
  readonly from: Partial<Record<keyof ModelDescription, string>>;
  /** Ultralytics' word for what the model does. */
  readonly task: string | undefined;
}

/** Keys under which exporters and model hubs put class names, in the order they are looked for. */
const nameKeys = ["names", "class_names", "classes", "label_names", "labels", "id2label", "classnames", "categories"];
const sizeKeys = ["imgsz", "input_size", "image_size", "img_size"];
/** A whole configuration as JSON, as timm and Hugging Face write it. */
const configurationKeys = ["pretrained_cfg", "config", "preprocessor_config", "model_config"];

/**
 * Reads metadata_props: Ultralytics' names and imgsz, timm's and Hugging Face's mean, std and input_size, and the image
 * metadata of the ONNX specification (its page on metadata), which Custom Vision writes.
 */
export function describedByMetadata(metadata: ReadonlyMap<string, string>): FileDescription {
  const facts = new Map<string, { readonly value: Literal; readonly key: string }>();
  for (const [key, text] of metadata) addFact(facts, key, readLiteral(text) ?? text);
  for (const key of configurationKeys) {
    const configuration = facts.get(key);
    if (configuration?.value instanceof Map)
      for (const [inner, value] of configuration.value)
        addFact(facts, String(inner), value, `${configuration.key}.${inner}`);
  }
  const said: { -readonly [Field in keyof ModelDescription]: ModelDescription[Field] } = {};
  const from: FileDescription["from"] = {};
  const take = <Field extends keyof ModelDescription>(
    field: Field,
    keys: readonly string[],
    read: (value: Literal) => ModelDescription[Field] | undefined,
  ): void => {
    for (const key of keys) {
      const fact = facts.get(key);
      const value = fact && read(fact.value);
      if (value === undefined || said[field] !== undefined) continue;
      said[field] = value;
      from[field] = `metadata "${fact?.key}"`;
    }
  };
  take("classes", nameKeys, namesIn);
  take("size", sizeKeys, sizeIn);
  take("mean", ["mean", "image_mean"], numbersIn);
  take("std", ["std", "image_std"], numbersIn);
  take("scale", ["rescale_factor"], (value) => (typeof value === "number" && value > 0 ? value : undefined));
  take("channels", ["image.bitmappixelformat"], channelsIn);
  const range = facts.get("image.nominalpixelrange");
  const ranged = typeof range?.value === "string" ? normalisations[range.value.toLowerCase()] : undefined;
  if (ranged && said.mean === undefined) {
    Object.assign(said, ranged);
    noteNormalisation(from, `metadata "${range?.key}"`);
  }
  const task = facts.get("task")?.value;
  // Ultralytics trains on pixels of 0 to 1.
  if (said.mean === undefined && facts.get("author")?.value === "Ultralytics") {
    Object.assign(said, normalisations["normalized_0_1"]);
    noteNormalisation(from, 'metadata "author" (Ultralytics: pixels of 0 to 1)');
  }
  return { said, from, task: typeof task === "string" ? task : undefined };
}

const normalisations: Readonly<Record<string, Required<Pick<ModelDescription, "scale" | "mean" | "std">>>> = {
  nominalrange_0_255: { scale: 1, mean: [0], std: [1] },
  normalized_0_1: { scale: 1 / 255, mean: [0], std: [1] },
  normalized_1_1: { scale: 1 / 127.5, mean: [1], std: [1] },
};

function noteNormalisation(from: FileDescription["from"], where: string): void {
  for (const field of ["scale", "mean", "std"] as const) from[field] = where;
}

function addFact(
  facts: Map<string, { readonly value: Literal; readonly key: string }>,
  key: string,
  value: Literal,
  shown = key,
): void {
  const plain = key.toLowerCase();
  if (!facts.has(plain)) facts.set(plain, { value, key: shown });
}

function namesIn(value: Literal): readonly string[] | undefined {
  if (value instanceof Map) {
    const entries = [...value].map(([key, name]) => [Number(key), name] as const);
    if (entries.every(([index]) => Number.isInteger(index)))
      return textsIn(entries.toSorted(([a], [b]) => a - b).map(([, name]) => name));
    // The other way round: an index for each name.
    const byName = [...value].map(([name, index]) => [name, Number(index)] as const);
    return byName.every(([, index]) => Number.isInteger(index))
      ? textsIn(byName.toSorted(([, a], [, b]) => a - b).map(([name]) => name))
      : undefined;
  }
  if (Array.isArray(value)) return textsIn(value);
  return typeof value === "string" ? textsIn(value.split(/[\n,;]/).map((name) => name.trim())) : undefined;
}

function textsIn(values: readonly Literal[]): readonly string[] | undefined {
  const texts = values.map((value) => (typeof value === "number" ? String(value) : value));
  return texts.length > 1 && texts.every((text) => typeof text === "string" && text !== "")
    ? (texts as string[])
    : undefined;
}

/** [height, width], [channels, height, width], one number, or an object with height and width. */
function sizeIn(value: Literal): ModelDescription["size"] {
  if (value instanceof Map) return sizeOf(value.get("height"), value.get("width"));
  if (Array.isArray(value)) return sizeOf(value.at(-2) ?? value.at(-1), value.at(-1));
  return sizeOf(value, value);
}

const isExtent = (extent: Literal | undefined): extent is number => Number.isInteger(extent) && Number(extent) > 0;

function sizeOf(height: Literal | undefined, width: Literal | undefined): ModelDescription["size"] {
  return isExtent(height) && isExtent(width) ? { height, width } : undefined;
}

function numbersIn(value: Literal): readonly number[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  const numbers = list.filter((item) => typeof item === "number");
  return numbers.length === list.length && (numbers.length === 1 || numbers.length === 3) ? numbers : undefined;
}

function channelsIn(value: Literal): ModelDescription["channels"] {
  if (typeof value !== "string") return undefined;
  if (/^gray8/i.test(value)) return "grey";
  return /^bgr/i.test(value) ? "BGR" : /^rgb/i.test(value) ? "RGB" : undefined;
}
