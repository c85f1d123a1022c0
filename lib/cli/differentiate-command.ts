import { readFile, writeFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { differentiateNamed } from "../autodiff/differentiate";
import { UserError } from "../contract/errors";
import type { ValueInfo } from "../onnx/model";
import { prune } from "../onnx/prune";
import { readModel } from "../onnx/read-model";
import { writeModel } from "../onnx/write-model";

interface DifferentiateFlags {
  readonly out: string;
  readonly output?: readonly string[];
  readonly wrt?: readonly string[];
  readonly rule: "true" | "guided" | "deconvnet";
  readonly json?: boolean;
}

/** `cytolens differentiate`: a model that also returns gradients, for any onnxruntime. */
export function registerDifferentiate(program: Command): void {
  program
    .command("differentiate")
    .description("write a model that also returns exact gradients")
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
      const source = readModel(await readInput(file));
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

/** The bytes of a file that the user named. */
export async function readInput(file: string): Promise<Uint8Array> {
  return await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      "file.unreadable",
      `Expected a file at ${file} but it cannot be read (${cause.code ?? cause.message})`,
      { cause },
    );
  });
}

/** A value's name, type and shape in one line. */
export function valueText({ name, dataType, shape }: ValueInfo): string {
  return `${name}: ${dataType} ${shape ? `[${shape.map((extent) => extent ?? "?").join(", ")}]` : "of unknown shape"}`;
}
