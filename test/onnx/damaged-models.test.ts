import { readFileSync } from "node:fs";
import path from "node:path";
import { array, assert as assertProperty, constantFrom, integer, nat, property, record } from "fast-check";
import { ModelError } from "../../lib/contract/errors";
import { readModel } from "../../lib/onnx/read-model";
import { specialize } from "../../lib/onnx/specialize";
import { upgradeOpset } from "../../lib/onnx/upgrade-opset";
import { writeModel } from "../../lib/onnx/write-model";
import { describeWithReference } from "../reference";
import { modelFiles } from "./oracle";

describeWithReference("damaged models of every operator", (reference) => {
  test("reading, upgrading, inferring and writing throw nothing but a ModelError", () => {
    const models = modelFiles(path.join(reference, "oracle", "ops"))
      .map((file) => new Uint8Array(readFileSync(file)))
      .filter(({ length }) => length < 3000);
    expect(models.length).toBeGreaterThan(200);
    const edit = record({ at: nat(3000), value: integer({ min: 0, max: 255 }) });
    let understood = 0;
    assertProperty(
      property(constantFrom(...models), array(edit, { minLength: 1, maxLength: 3 }), (original, edits) => {
        const bytes = original.slice();
        for (const { at, value } of edits) bytes[at % bytes.length] = value;
        try {
          const model = readModel(bytes);
          understood++;
          writeModel(specialize(upgradeOpset(model, 21), {}));
        } catch (error) {
          if (!(error instanceof ModelError)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
    expect(understood).toBeGreaterThan(500);
  });
});
