import { readFileSync } from "node:fs";
import path from "node:path";
import { Construct } from "constructs";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as s3 from "aws-cdk-lib/aws-s3";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import {
  AwsCustomResource,
  AwsCustomResourcePolicy,
  PhysicalResourceId,
  type AwsSdkCall,
} from "aws-cdk-lib/custom-resources";
import { sha256Of } from "../contract/digests";
import { ModelError, UserError } from "../contract/errors";
import { modelCard, modelPointer, type ModelCard } from "../contract/model-card";
import { currentSchemaVersion } from "../contract/names";
import { readJson } from "../contract/read-json";
import { modelCardKey, modelKey, modelNameKey, modelsPrefix } from "../contract/object-keys";
import type { ObjectKey } from "../contract/names";

/** The name a batch.json without a model asks for. */
const defaultName = "default";

/**
 * Puts the default model where a fresh deploy looks for it: model and card travel as CDK assets and are copied
 * inside S3, then the name is pointed at the digest. An update of the stack does so again only when the model changed.
 */
export class DefaultModel extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { folder, bucket }: { readonly folder: string; readonly bucket: s3.Bucket },
  ) {
    super(scope, id);
    const card = cardIn(folder);
    const digest = sha256Of(readFileSync(path.join(folder, "model.onnx")));
    if (card.sha256 !== digest) {
      throw new UserError(
        "configuration.model-digest",
        `cytolens.defaultModel: Expected a model with digest ${card.sha256}, as its card says, but received one with ${digest}`,
      );
    }
    const model = this.copy(
      "Model",
      new Asset(this, "ModelFile", { path: path.join(folder, "model.onnx") }),
      bucket,
      modelKey(digest),
    );
    const cardCopy = this.copy(
      "Card",
      new Asset(this, "CardFile", { path: path.join(folder, "card.json") }),
      bucket,
      modelCardKey(digest),
    );
    for (const name of new Set([defaultName, card.name])) {
      const key = modelNameKey(name);
      const pointer = this.call(
        `Name-${name}`,
        bucket,
        {
          service: "S3",
          action: "putObject",
          physicalResourceId: PhysicalResourceId.of(`${name}-${digest}`),
          outputPaths: ["ETag"],
          parameters: {
            Bucket: bucket.bucketName,
            Key: key,
            ContentType: "application/json",
            Body: JSON.stringify(
              modelPointer.parse({ schemaVersion: currentSchemaVersion, name: card.name, sha256: digest }),
            ),
          },
        },
        [],
      );
      // The name must not point at what is not there yet.
      pointer.node.addDependency(model, cardCopy);
    }
  }

  private copy(id: string, asset: Asset, bucket: s3.Bucket, key: ObjectKey): AwsCustomResource {
    return this.call(
      id,
      bucket,
      {
        service: "S3",
        action: "copyObject",
        physicalResourceId: PhysicalResourceId.of(key),
        outputPaths: ["CopyObjectResult.ETag"],
        parameters: { Bucket: bucket.bucketName, Key: key, CopySource: `${asset.s3BucketName}/${asset.s3ObjectKey}` },
      },
      [
        new iam.PolicyStatement({
          actions: ["s3:GetObject"],
          resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
        }),
      ],
    );
  }

  private call(id: string, bucket: s3.Bucket, onUpdate: AwsSdkCall, reads: iam.PolicyStatement[]): AwsCustomResource {
    const resource = new AwsCustomResource(this, id, {
      onUpdate,
      installLatestAwsSdk: false,
      resourceType: "Custom::DefaultModel",
      policy: AwsCustomResourcePolicy.fromStatements([
        ...reads,
        new iam.PolicyStatement({ actions: ["s3:PutObject"], resources: [bucket.arnForObjects(`${modelsPrefix}*`)] }),
      ]),
    });
    bucket.encryptionKey?.grantEncryptDecrypt(resource);
    return resource;
  }
}

function cardIn(folder: string): ModelCard {
  const file = path.join(folder, "card.json");
  const read = readJson(readFileSync(file));
  if ("problem" in read) throw new ModelError("model.card", `Expected JSON in ${file} but received ${read.problem}`);
  const card = modelCard.safeParse(read.value);
  if (card.success) return card.data;
  const [issue] = card.error.issues;
  throw new ModelError(
    "model.card",
    `Expected a model card in ${file} but ${issue?.path.join(".") || "it"} is wrong: ${issue?.message}`,
  );
}
