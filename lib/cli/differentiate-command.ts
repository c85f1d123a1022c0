import { writeFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { differentiateNamed } from "../autodiff/differentiate";
import { prune } from "../onnx/prune";
import { readModelFile } from "../networks/read-model-file";
import { readModel } from "../onnx/read-model";
import { writeModel } from "../onnx/write-model";
import { valueText } from "./value-text";

interface DifferentiateFlags {
  readonly out: string;
  readonly output?: readonly string[];
  readonly wrt?: readonly string[];
  readonly rule: "true" | "guided" | "deconvnet";
  readonly json?: boolean;
}

/** `cytolens differentiate`: a model that also returns gradients, for any onnxruntime. */
export function defineDifferentiate(command: Command): void {
  command
    .argument("<model.onnx>", "any ONNX model of float values")
    .requiredOption("-o, --out <grad.onnx>", "where to write the new model")
    .option("--output <name...>", "outputs to differentiate (default: every float output)")
    .option(
      "--wrt <name...>",
      "inputs, initialisers or intermediate values to differentiate with respect to (default: the float inputs)",
    )
    .addOption(
      new Option("--rule <rule>", "the true gradient, or a published modification of it at every ReLU")
        .choices(["true", "guided", "deconvnet"])
        .default("true"),
    )
    .option("--json", "print what was written as JSON")
    .addHelpText(
      "after",
      `
The new model keeps the old inputs and outputs, takes for each differentiated output a cotangent d_<output> of that
output's shape, and returns d_<name>: the sum over the outputs of cotangent times derivative, for each name asked for.`,
    )
    .action(async (file: string, { out, output, wrt, rule, json }: DifferentiateFlags) => {
      const source = readModel((await readModelFile(file)).bytes);
      const { model, cotangents, gradients } = differentiateNamed(source, {
        ...(output ? { outputs: output } : {}),
        ...(wrt ? { wrt } : {}),
        rules: rule,
      });
      const written = prune(model);
      await writeFile(out, writeModel(written));
      const added = {
        inputs: written.graph.inputs.filter(({ name }) => [...cotangents.values()].includes(name)),
        outputs: written.graph.outputs.filter(({ name }) => [...gradients.values()].includes(name)),
      };
      if (json)
        console.log(
          JSON.stringify({ file: out, nodes: written.graph.nodes.length, opset: written.opsets.get(""), ...added }),
        );
      else {
        console.log(`${out}: ${written.graph.nodes.length} nodes of opset ${written.opsets.get("")}, with`);
        for (const info of added.inputs) console.log(`  input   ${valueText(info)}`);
        for (const info of added.outputs) console.log(`  output  ${valueText(info)}`);
      }
    });
}
