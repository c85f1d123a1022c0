import { ModelError } from "../contract/errors";
import type { Tensor } from "../onnx/model";
import { initialTensor } from "./initialize";
import type { NetworkDefinition, ParameterSpec } from "./network";

export interface LoadOptions {
  /**
   * "match" (default): the checkpoint's head must have this network's classes. "replace": the checkpoint's head is
   * left aside and a new one drawn from `seed`, to train a backbone on other classes.
   */
  readonly head?: "match" | "replace";
  readonly seed?: number;
}

/**
 * The weights of a network out of a checkpoint's tensors, by name. Tensors that public checkpoints hold without use
 * (`num_batches_tracked`, the `conv4` of RAN-92's plain units) are passed over.
 * Throws ModelError "weights.mismatch", which says how many tensors are missing, unknown, misshapen or not float32,
 * and names the first of each.
 */
export function loadWeights(
  network: NetworkDefinition,
  checkpoint: ReadonlyMap<string, Tensor>,
  options: LoadOptions = {},
): Map<string, Tensor> {
  const { head = "match", seed = 0 } = options;
  const tensors = underOwnNames(network, checkpoint);
  const weights = new Map<string, Tensor>();
  const problems: Problems = { missing: [], misshapen: [], mistyped: [], extra: [] };
  for (const parameter of network.parameters) {
    const tensor = tensors.get(parameter.name);
    tensors.delete(parameter.name);
    if (parameter.head && head === "replace") {
      weights.set(parameter.name, initialTensor(parameter, network.initialisation, seed));
    } else if (fits(parameter, tensor, problems)) {
      weights.set(parameter.name, tensor);
    }
  }
  problems.extra.push(...[...tensors.keys()].filter((name) => !network.ignored.has(name)));
  const complaint = describe(problems);
  if (complaint)
    throw new ModelError(
      "weights.mismatch",
      `Expected the ${network.parameters.length} tensors of ${network.name} but received ${complaint}${hint(network, problems)}`,
    );
  return weights;
}

interface Problems {
  readonly missing: string[];
  readonly misshapen: string[];
  readonly mistyped: string[];
  readonly extra: string[];
}

function underOwnNames(network: NetworkDefinition, checkpoint: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map(
    [...checkpoint].map(([name, tensor]) => {
      const own = network.aliases.get(name);
      return [own !== undefined && !checkpoint.has(own) ? own : name, tensor];
    }),
  );
}

function fits({ name, shape }: ParameterSpec, tensor: Tensor | undefined, problems: Problems): tensor is Tensor {
  if (!tensor) {
    problems.missing.push(name);
    return false;
  }
  if (tensor.dims.length !== shape.length || tensor.dims.some((extent, axis) => extent !== shape[axis])) {
    problems.misshapen.push(`${name} (expected [${shape.join(", ")}], received [${tensor.dims.join(", ")}])`);
    return false;
  }
  if (tensor.dataType !== "float32") {
    problems.mistyped.push(`${name} (${tensor.dataType})`);
    return false;
  }
  return true;
}

const namedAtMost = 3;

function describe({ missing, misshapen, mistyped, extra }: Problems): string {
  const lists: [string, string[]][] = [
    ["missing", missing],
    ["misshapen", misshapen],
    ["not float32", mistyped],
    ["unknown", extra],
  ];
  return lists
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => {
      const more = names.length > namedAtMost ? ", …" : "";
      return `${names.length} ${what}: ${names.slice(0, namedAtMost).join(", ")}${more}`;
    })
    .join("; ");
}

function hint(network: NetworkDefinition, { misshapen }: Problems): string {
  const heads = network.parameters.filter(({ head }) => head).map(({ name }) => name);
  const headOnly =
    misshapen.length > 0 && misshapen.every((entry) => heads.some((name) => entry.startsWith(`${name} `)));
  return headOnly
    ? ` (the checkpoint has another number of classes than ${network.classes}: replace the head to keep its backbone)`
    : "";
}
