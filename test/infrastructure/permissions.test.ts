import { App, Stack, Validations } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import type { Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { asText, grantsOf, removeScratch, resourcesOf, stackOf, templateOf } from "./synthesized";

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

describe("alarms reach people", () => {
  interface Policy {
    readonly Topics: readonly unknown[];
    readonly PolicyDocument: {
      readonly Statement: readonly { Effect: string; Principal: { Service?: string }; Action: string }[];
    };
  }

  test("every topic that an alarm names lets CloudWatch publish for this account", () => {
    const actions = Object.values(resourcesOf(template, "AWS::CloudWatch::Alarm")).flatMap(
      ({ Properties }) => Properties["AlarmActions"] as unknown[],
    );
    const topics = [...new Set(actions.map((action) => JSON.stringify(action)))];
    expect(actions.length).toBeGreaterThan(5);
    const policies = Object.values(resourcesOf(template, "AWS::SNS::TopicPolicy")).map(
      ({ Properties }) => Properties as unknown as Policy,
    );
    for (const topic of topics) {
      const statements = policies
        .filter(({ Topics }) => Topics.some((one) => JSON.stringify(one) === topic))
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
      expect(statements).toContainEqual(
        expect.objectContaining({
          Effect: "Allow",
          Action: "sns:Publish",
          Principal: { Service: "cloudwatch.amazonaws.com" },
          Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
        }),
      );
    }
  });
});

describe("the worker's image", () => {
  const uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/lab/cytolens";
  const digest = `sha256:${"a".repeat(64)}`;

  test.each([`${uri}:1.2`, `${uri}@${digest}`, `${uri}:1.2@${digest}`])(
    "in ECR (%s) is pulled by an execution role that may",
    (imageUri) => {
      const found = templateOf({ imageUri });
      const grants = grantsOf(found, "WorkerContainerExecutionRole");
      const pull = grants.find(({ actions }) => actions.includes("ecr:BatchGetImage"));
      expect(pull?.actions.sort()).toEqual([
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
      ]);
      expect(pull?.resources).toEqual(["arn:<AWS::Partition>:ecr:eu-west-1:123456789012:repository/lab/cytolens"]);
      expect(grants.some(({ actions }) => actions.includes("ecr:GetAuthorizationToken"))).toBe(true);
      const images = Object.values(resourcesOf(found, "AWS::Batch::JobDefinition")).map(({ Properties }) =>
        asText((Properties["ContainerProperties"] as { Image: unknown }).Image),
      );
      const named = imageUri.includes("@") ? `${uri}@${digest}` : imageUri;
      for (const image of images) expect(image).toBe(named.replace("amazonaws.com", "<AWS::URLSuffix>"));
    },
  );

  test("of another registry is named as it is, and wants no rights", () => {
    const found = templateOf({ imageUri: "registry.example.org/cytolens:1" });
    const actions = grantsOf(found, "WorkerContainerExecutionRole").flatMap((grant) => grant.actions);
    expect(actions.filter((action) => action.startsWith("ecr:"))).toEqual([]);
  });
});
