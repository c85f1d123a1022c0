import path from "node:path";
import type { Command } from "commander";
import { openBucket } from "../aws/open-bucket";
import { UserError } from "../contract/errors";
import { findModel } from "../local/find-model";
import { publishFoundModel } from "../local/publish-found-model";
import { addModelFlags, descriptionFrom, type ModelFlags } from "./model-flags";

interface PublishFlags extends ModelFlags {
  readonly bucket: string;
  readonly as?: string;
  readonly json?: boolean;
}

/** `cytolens model publish`: adds a model to a bucket's allowlist, by digest; no redeploy. Jobs have no right to do so. */
export function defineModelPublish(command: Command): void {
  command
    .argument("<model>", "a model folder (model.onnx and card.json), or an ONNX file")
    .description("put a model into a bucket, where batches may then name it")
    .requiredOption("--bucket <bucket>", "the stack's bucket (its name or s3://…), or a folder that is one (./bucket)")
    .option("--as <name>", "a further name for it, for example default")
    .option("--json", "print JSON");
  addModelFlags(command).action(async (model: string, { bucket, as, json, ...flags }: PublishFlags) => {
    const found = await findModel(path.resolve(model), descriptionFrom(flags));
    if (!found) throw new UserError("model.not-found", `Expected a model folder or an ONNX file at ${model}`);
    const { store } = await openBucket(bucket);
    const card = await publishFoundModel(store, found, as === undefined ? [] : [as]);
    const names = [...new Set([card.name, ...(as === undefined ? [] : [as])])];
    for (const guess of card.guesses ?? []) console.error(`note: ${guess}`);
    console.log(
      json
        ? JSON.stringify({ names, sha256: card.sha256, bucket: store.description }, null, 2)
        : `Published in ${store.description} as ${names.join(" and ")} (sha256 ${card.sha256}). batch.json: { "model": ${JSON.stringify(names[0])} }`,
    );
  });
}
