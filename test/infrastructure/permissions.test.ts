import { App, Stack, Validations } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import type { Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { grantsOf, removeScratch, resourcesOf, stackOf, templateOf } from "./synthesized";

afterAll(removeScratch);

let template: Template;
beforeAll(() => {
  template = templateOf();
});

/** The S3 part of a role's grants: action → the prefixes it holds for ("" is the bucket itself). */
function objectAccess(role: string): Record<string, string[]> {
  const access: Record<string, string[]> = {};
  for (const { actions, resources } of grantsOf(template, role)) {
    for (const action of actions.filter((name) => name.startsWith("s3:"))) {
      (access[action] ??= []).push(...resources.map((resource) => resource.replace(/^<StorageBucket\w+\.Arn>/, "")));
    }
  }
  return Object.fromEntries(Object.entries(access).map(([action, prefixes]) => [action, prefixes.sort()]));
}

test("a worker reads incoming/ and models/, writes runs/ and results/, and deletes nothing", () => {
  expect(objectAccess("WorkerRole")).toEqual({
    "s3:ListBucket": [""],
    "s3:GetObject": ["/incoming/*", "/models/*", "/results/*", "/runs/*"],
    "s3:PutObject": ["/results/*", "/runs/*"],
    "s3:AbortMultipartUpload": ["/results/*", "/runs/*"],
  });
  expect(
    grantsOf(template, "WorkerRole")
      .flatMap(({ actions }) => actions)
      .filter((action) => !action.startsWith("s3:")),
  ).toEqual([]);
});

test("training has a role of its own, which touches neither batches nor published models", () => {
  expect(objectAccess("TrainingRole")).toEqual({
    "s3:ListBucket": [""],
    "s3:GetObject": ["/models/*", "/training/*"],
    "s3:PutObject": ["/training/*"],
    "s3:AbortMultipartUpload": ["/training/*"],
  });
});

test.each(["PlannerPlanRole", "CollectorCollectRole", "ReconcilerReconcileRole"])(
  "%s writes runs/ and results/ alone, submits one job definition, deletes nothing",
  (role) => {
    const access = objectAccess(role);
    expect(access["s3:PutObject"]).toEqual(["/results/*", "/runs/*"]);
    const grants = grantsOf(template, role);
    expect(grants.filter(({ resources }) => resources.includes("*")).flatMap(({ actions }) => actions)).toEqual([
      "batch:ListJobs",
      "batch:DescribeJobs",
    ]);
    const submit = grants.find(({ actions }) => actions.includes("batch:SubmitJob"))!;
    expect(submit.resources.filter((resource) => resource.includes("job-definition"))).toEqual([
      "arn:<AWS::Partition>:batch:<AWS::Region>:<AWS::AccountId>:job-definition/Cytolens-worker:*",
    ]);
    expect(submit.resources).toHaveLength(3);
  },
);

test("no statement of ours allows everything, and none deletes more than a message it has handled", () => {
  const roles = [
    "WorkerRole",
    "TrainingRole",
    "PlannerPlanRole",
    "CollectorCollectRole",
    "ReconcilerReconcileRole",
    "DefaultModel",
    "WorkerContainerExecutionRole",
    "TrainingJobContainerExecutionRole",
  ];
  const actions = roles.flatMap((role) => grantsOf(template, role)).flatMap((grant) => grant.actions);
  expect(actions.filter((action) => action.includes("*") || /Delete/.test(action))).toEqual(["sqs:DeleteMessage"]);
});

test("jobs cannot publish models: only the deploy's copy writes models/", () => {
  const writers = Object.values(resourcesOf(template, "AWS::IAM::Policy")).filter(({ Properties }) => {
    const statements = (
      Properties["PolicyDocument"] as { Statement: { Action: string | string[]; Resource: unknown }[] }
    ).Statement;
    return statements.some(
      ({ Action, Resource }) =>
        [Action].flat().includes("s3:PutObject") && JSON.stringify(Resource).includes("/models/"),
    );
  });
  const roles = writers.flatMap(({ Properties }) => (Properties["Roles"] as { Ref: string }[]).map(({ Ref }) => Ref));
  expect(new Set(roles).size).toBe(1);
  expect(roles[0]).toMatch(/^AWS679f53fac/);
});

test("job roles serve this account's tasks only", () => {
  for (const [name, { Properties }] of Object.entries(resourcesOf(template, "AWS::IAM::Role")).filter(([name]) =>
    /^(WorkerRole|TrainingRole)/.test(name),
  )) {
    const document = Properties["AssumeRolePolicyDocument"] as {
      Statement: { Principal: unknown; Condition: unknown }[];
    };
    expect([name, document.Statement[0]!.Principal, document.Statement[0]!.Condition]).toEqual([
      name,
      { Service: "ecs-tasks.amazonaws.com" },
      {
        StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } },
        ArnLike: { "aws:SourceArn": expect.anything() },
      },
    ]);
  }
});

const key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000";
test.each([
  ["by default", {}],
  [
    "on CPU, isolated, with a key",
    { compute: { kind: "cpu", spot: false }, network: { kind: "isolated" }, encryptionKeyArn: key, training: false },
  ],
  [
    "with NAT, a budget and a notice",
    { network: { kind: "nat" }, budget: { monthlyUsd: 5, email: "a@example.org" }, notificationEmail: "a@example.org" },
  ],
])("cdk-nag finds nothing that is not justified %s", (_name, configuration) => {
  const { app } = stackOf(configuration);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
});

test("cdk-nag would have found something", () => {
  const app = new App();
  new Bucket(new Stack(app, "Careless"), "Bucket");
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const error = jest.spyOn(console, "error").mockImplementation(() => undefined);
  expect(() => app.synth()).toThrow(/AwsSolutions-S10/);
  error.mockRestore();
});
