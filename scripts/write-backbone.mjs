// Writes models/efficientnet-lite0-imagenet/weights.safetensors from the PyTorch port's checkpoint as .safetensors:
//   node scripts/write-backbone.mjs <efficientnet-lite0.safetensors>
// The 1000-class head and the counters are left out; weights of convolutions are rounded to float16, which halves the file.
// Vectors (normalisation) stay float32: small variances lie below float16's normal range.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { networkNamed } = require("../dist/lib/networks/catalogue.js");
const { readSafetensors, writeSafetensors } = require("../dist/lib/networks/safetensors.js");
const { float16Bits } = require("../dist/lib/onnx/scalar.js");

const checkpoint = readSafetensors(readFileSync(process.argv[2]));
const network = networkNamed("efficientnet-lite0", { classes: 1000 });
const weights = new Map(
  network.parameters
    .filter(({ head }) => !head)
    .map(({ name, role }) => {
      const { dims, data } = checkpoint.get(name);
      return [
        name,
        role === "convolution"
          ? { dataType: "float16", dims, data: Uint16Array.from(data, float16Bits) }
          : { dataType: "float32", dims, data },
      ];
    }),
);
const file = new URL("../models/efficientnet-lite0-imagenet/weights.safetensors", import.meta.url);
writeFileSync(file, writeSafetensors(weights, { network: network.name, weights: "imagenet" }));
