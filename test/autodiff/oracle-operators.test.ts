import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { differentiate } from "../../lib/autodiff/differentiate";
import { readSafetensors } from "../../lib/networks/safetensors";
import type { Tensor } from "../../lib/onnx/model";
import { readModel } from "../../lib/onnx/read-model";
import { describeWithReference } from "../reference";
import { expectClose, runModel } from "./run-model";

interface CaseFacts {
  readonly differentiable: readonly string[];
  readonly suggested_max_rel: number;
}

describeWithReference("gradients of single operators against the float64 oracle", (reference) => {
  const folder = path.join(reference, "oracle", "ops");
  const index = reference
    ? (JSON.parse(readFileSync(path.join(folder, "index.json"), "utf8")) as Record<string, Record<string, CaseFacts>>)
    : {};

  for (const operator of reference ? readdirSync(folder).filter((name) => index[name]) : []) {
    describe(operator, () => {
      const arrays = readSafetensors(readFileSync(path.join(folder, operator, "cases.safetensors")));
      const part = (kind: string, prefix = ""): Record<string, Tensor> =>
        Object.fromEntries(
          [...arrays]
            .filter(([name]) => name.startsWith(`${kind}/`))
            .map(([name, tensor]) => [prefix + name.slice(kind.length + 1), tensor]),
        );

      for (const [name, facts] of Object.entries(index[operator] ?? {})) {
        test(name, async () => {
          const model = readModel(readFileSync(path.join(folder, operator, `${name}.onnx`)));
          const cotangents = part(`${name}/cotangent`, "d_");

          const differentiated = differentiate(model, {
            outputs: Object.keys(cotangents).map((cotangent) => cotangent.slice(2)),
            wrt: facts.differentiable,
          });
          const got = await runModel(differentiated, { ...part(`${name}/input`), ...cotangents });

          for (const [output, want] of Object.entries(part(`${name}/output`))) {
            expectClose(output, got[output], want, facts.suggested_max_rel);
          }
          const wanted = part(`${name}/grad`, "d_");
          expect(Object.keys(wanted).toSorted()).toEqual(facts.differentiable.map((input) => `d_${input}`).toSorted());
          for (const [gradient, want] of Object.entries(wanted)) {
            expectClose(gradient, got[gradient], want, facts.suggested_max_rel);
          }
        });
      }
    });
  }
});
