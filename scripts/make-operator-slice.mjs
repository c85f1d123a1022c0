// Writes test/fixtures/operators/<Operator>.json from the oracle's single-operator cases: numbers only, so that a bare clone can
// check every gradient rule without the reference folder.   node scripts/make-operator-slice.mjs <reference folder>
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

const [reference] = process.argv.slice(2);
if (!reference) throw new Error("Expected the reference folder (with oracle/ops) as the only argument");
const { readModel } = await import("../dist/lib/onnx/read-model.js");
const { readSafetensors } = await import("../dist/lib/networks/safetensors.js");

const source = path.join(reference, "oracle", "ops");
const target = path.join(import.meta.dirname, "..", "test", "fixtures", "operators");
mkdirSync(target, { recursive: true });
const index = JSON.parse(readFileSync(path.join(source, "index.json"), "utf8"));

for (const operator of readdirSync(source).filter((name) => index[name])) {
  const arrays = readSafetensors(readFileSync(path.join(source, operator, "cases.safetensors")));
  const cases = Object.entries(index[operator]).map(([name, facts]) => {
    const { graph, opsets } = readModel(readFileSync(path.join(source, operator, `${name}.onnx`)));
    const values = Object.fromEntries(
      [...arrays]
        .filter(([key]) => key.startsWith(`${name}/`))
        .map(([key, tensor]) => [key.slice(name.length + 1), compact(tensor)]),
    );
    return {
      name,
      opset: opsets.get(""),
      differentiable: facts.differentiable,
      tolerance: facts.suggested_max_rel,
      inputs: graph.inputs,
      outputs: graph.outputs,
      nodes: graph.nodes.map(({ operator: type, inputs, outputs, attributes }) => ({
        operator: type,
        inputs,
        outputs,
        attributes,
      })),
      initializers: Object.fromEntries([...graph.initializers].map(([key, tensor]) => [key, compact(tensor)])),
      values,
    };
  });
  writeFileSync(
    path.join(target, `${operator}.json`),
    `[\n${cases.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`,
  );
}

/** The shortest decimals that give the same float32 again; whole numbers as strings where they may exceed 2^53. */
function compact({ dataType, dims, data }) {
  return {
    dataType,
    dims,
    data: Array.from(data, (value) =>
      typeof value === "bigint" ? String(value) : dataType === "float32" ? shortest(value) : value,
    ),
  };
}

function shortest(value) {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return Number(value.toPrecision(9));
}
