import type { Command } from "commander";
import { openBucket } from "../aws/open-bucket";
import { publishModel } from "../bucket/publish-model";
import { readModelFolder } from "../networks/model-folder";

/** `cytolens model publish`: adds a model to a bucket's allowlist, by digest; no redeploy. Jobs have no right to do so. */
export function defineModelPublish(command: Command): void {
  command
    .argument("<folder>", "a model folder: model.onnx and card.json")
    .description("put a model into a bucket, where batches may then name it")
    .requiredOption("--bucket <bucket>", "the stack's bucket (its name or s3://…), or a folder that is one (./bucket)")
    .option("--as <name>", "a further name for it, for example default")
    .option("--json", "print JSON")
    .action(async (folder: string, { bucket, as, json }: { bucket: string; as?: string; json?: boolean }) => {
      const found = await readModelFolder(folder);
      const { store } = await openBucket(bucket);
      const names = [...new Set([found.card.name, ...(as === undefined ? [] : [as])])];
      await publishModel(store, found, names);
      console.log(
        json
          ? JSON.stringify({ names, sha256: found.card.sha256, bucket: store.description }, null, 2)
          : `Published in ${store.description} as ${names.join(" and ")} (sha256 ${found.card.sha256}). batch.json: { "model": ${JSON.stringify(names[0])} }`,
      );
    });
}
