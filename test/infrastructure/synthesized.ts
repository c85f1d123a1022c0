import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { sha256Of } from "../../lib/contract/digests";
import { readConfiguration } from "../../lib/infrastructure/configuration";
import { CytolensStack } from "../../lib/infrastructure/cytolens-stack";
import { projectRoot } from "../reference";

export const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-stack-"));
const modelFolder = path.join(scratch, "model");
const modelBytes = "an ONNX file, as far as the stack can tell";
export const modelDigest = sha256Of(modelBytes);

export function writeModel(folder = modelFolder, sha256: string = modelDigest): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "model.onnx"), modelBytes);
  writeFileSync(
    path.join(folder, "card.json"),
    JSON.stringify({
      schemaVersion: 1,
      name: "tiny",
      title: "Tiny",
      sha256,
      classes: ["a", "b"],
      input: { height: 8, width: 8 },
      data: { description: "none" },
    }),
  );
  return folder;
}

export const removeScratch = (): void => rmSync(scratch, { recursive: true, force: true });

/** A stack from a configuration, neither bundling Lambdas nor building images. */
export function stackOf(
  configuration: Readonly<Record<string, unknown>> = {},
  root = projectRoot,
  knownRegion?: string,
): { app: App; stack: CytolensStack } {
  const app = new App({ outdir: mkdtempSync(path.join(scratch, "out-")), context: { "aws:cdk:bundling-stacks": [] } });
  const chosen = readConfiguration({ imageUri: "localhost/worker:test", defaultModel: writeModel(), ...configuration });
  return {
    app,
    stack: new CytolensStack(app, chosen.stackName, { configuration: chosen, projectRoot: root, knownRegion }),
  };
}

export const templateOf = (configuration: Readonly<Record<string, unknown>> = {}, knownRegion?: string): Template =>
  Template.fromStack(stackOf(configuration, projectRoot, knownRegion).stack);

/** All resources of a type, with the names CloudFormation knows them by. */
export function resourcesOf(
  template: Template,
  type: string,
): Record<string, { Properties: Record<string, unknown>; DeletionPolicy?: string; UpdateReplacePolicy?: string }> {
  return template.findResources(type) as never;
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** What the role whose name in the template begins with `prefix` may do, as [actions, resources as text]. */
export function grantsOf(template: Template, prefix: string): { actions: string[]; resources: string[] }[] {
  const policies = Object.values(template.findResources("AWS::IAM::Policy")) as {
    Properties: { Roles: { Ref: string }[]; PolicyDocument: { Statement: Statement[] } };
  }[];
  const statements = policies
    .filter(({ Properties }) => Properties.Roles.some(({ Ref }) => Ref.startsWith(prefix)))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  return statements.map(({ Action, Resource }) => ({
    actions: [Action].flat(),
    resources: (Array.isArray(Resource) ? Resource : [Resource]).map(asText),
  }));
}

/** `{"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/runs/*"]]}` becomes "Bucket.Arn/runs/*". */
export function asText(value: unknown): string {
  if (typeof value === "string") return value;
  const node = value as { Ref?: string; "Fn::GetAtt"?: string[]; "Fn::Join"?: [string, unknown[]] };
  if (node.Ref) return `<${node.Ref}>`;
  if (node["Fn::GetAtt"]) return `<${node["Fn::GetAtt"].join(".")}>`;
  if (node["Fn::Join"]) return node["Fn::Join"][1].map(asText).join(node["Fn::Join"][0]);
  return JSON.stringify(value);
}
