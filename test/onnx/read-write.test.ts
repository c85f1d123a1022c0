import { readFileSync } from "node:fs";
import path from "node:path";
import { readModel } from "../../lib/onnx/read-model";
import { writeModel } from "../../lib/onnx/write-model";
import { describeWithReference } from "../reference";
import { modelFiles, oracleInputs } from "./oracle";
import { difference, runModel } from "./runtime";

describeWithReference("reading and writing files of other exporters", (reference) => {
  for (const group of ["ops", "foreign", "mini"]) {
    test(`every model of oracle/${group} gives the same outputs in onnxruntime after reading and writing`, async () => {
      const files = modelFiles(path.join(reference, "oracle", group));
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const bytes = new Uint8Array(readFileSync(file));
        const model = readModel(bytes);
        const written = writeModel(model);
        const again = readModel(written);
        expect(Buffer.compare(writeModel(again), written)).toBe(0);
        const feeds = oracleInputs(file, model.graph.inputs);
        let expected;
        try {
          expected = await runModel(bytes, feeds);
        } catch (error) {
          throw new Error(`${file}: the original does not run`, { cause: error });
        }
        const received = await runModel(written, feeds);
        for (const [name, output] of expected) {
          if (group === "ops" && /Dropout|Random/.test(file)) continue;
          expect([file, name, difference(received.get(name)!, output)]).toEqual([file, name, 0]);
        }
      }
    });
  }
});
