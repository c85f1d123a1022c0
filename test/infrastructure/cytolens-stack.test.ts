import { readFileSync } from "node:fs";
import path from "node:path";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { handlerEnvironmentFrom, handlerVariables } from "../../lib/contract/handler-environment";
import { alarmNames } from "../../lib/infrastructure/alarms";
import { projectRoot } from "../reference";
import {
  asText,
  modelDigest,
  removeScratch,
  resourcesOf,
  scratch,
  stackOf,
  templateOf,
  writeModel,
} from "./synthesized";

afterAll(removeScratch);

let template: Template;
beforeAll(() => {
  template = templateOf();
});

const only = (type: string, of = template): Record<string, unknown> => {
  const all = Object.values(resourcesOf(of, type));
  expect(all).toHaveLength(1);
  return all[0]!.Properties;
};

const queue = (): Record<string, unknown> =>
  Object.entries(resourcesOf(template, "AWS::SQS::Queue")).find(([name]) => name.startsWith("HintsQueue"))![1]
    .Properties;

describe("the bucket", () => {
  test("is private, encrypted, versioned, owned by the account and outlives the stack", () => {
    template.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
        },
        VersioningConfiguration: { Status: "Enabled" },
        OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
        LifecycleConfiguration: {
          Rules: Match.arrayWith([
            Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, Status: "Enabled" }),
            Match.objectLike({ NoncurrentVersionExpiration: { NoncurrentDays: 30 } }),
          ]),
        },
      },
    });
  });

  test("has no name of its own making trouble at a second deploy", () => {
    expect(only("AWS::S3::Bucket")).not.toHaveProperty("BucketName");
  });

  test("refuses anything but TLS 1.2", () => {
    template.hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: "Deny",
            Action: "s3:*",
            Principal: { AWS: "*" },
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          }),
          Match.objectLike({
            Effect: "Deny",
            Action: "s3:*",
            Principal: { AWS: "*" },
            Condition: { NumericLessThan: { "s3:TlsVersion": 1.2 } },
          }),
        ]),
      },
    });
  });

  test("tells the queue of uploads under incoming/, and of nothing it writes itself", () => {
    const { NotificationConfiguration } = only("Custom::S3BucketNotifications");
    expect(NotificationConfiguration).toEqual({
      QueueConfigurations: [
        {
          Events: ["s3:ObjectCreated:*"],
          QueueArn: expect.anything(),
          Filter: { Key: { FilterRules: [{ Name: "prefix", Value: "incoming/" }] } },
        },
      ],
    });
  });

  test("keeps what the lab says, and takes the lab's key", () => {
    const key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000";
    const chosen = templateOf({
      encryptionKeyArn: key,
      retention: { incomingDays: 90, resultsDays: 400, runsDays: null },
    });
    const { BucketEncryption, LifecycleConfiguration } = only("AWS::S3::Bucket", chosen) as {
      BucketEncryption: unknown;
      LifecycleConfiguration: { Rules: { Prefix?: string; ExpirationInDays?: number }[] };
    };
    expect(BucketEncryption).toEqual({
      ServerSideEncryptionConfiguration: [
        { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: key } },
      ],
    });
    expect(
      LifecycleConfiguration.Rules.filter(({ Prefix }) => Prefix).map(({ Prefix, ExpirationInDays }) => [
        Prefix,
        ExpirationInDays,
      ]),
    ).toEqual([
      ["incoming/", 90],
      ["results/", 400],
    ]);
  });
});

describe("the hints", () => {
  test("are received five times before they are set aside, each time for six times as long as a plan may take", () => {
    expect(queue()).toMatchObject({
      VisibilityTimeout: 1800,
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
      RedrivePolicy: { maxReceiveCount: 5 },
    });
    const plan = Object.entries(resourcesOf(template, "AWS::Lambda::Function")).find(([name]) =>
      name.startsWith("Planner"),
    )![1].Properties;
    expect(Number(queue()["VisibilityTimeout"])).toBeGreaterThanOrEqual(6 * Number(plan["Timeout"]));
  });

  test("arrive in large groups, few at a time, and fail one by one", () => {
    template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      BatchSize: 1000,
      MaximumBatchingWindowInSeconds: 5,
      ScalingConfig: { MaximumConcurrency: 5 },
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    });
  });

  test("are not delayed by the queue: ticks carry their own delay", () => {
    expect(queue()).not.toHaveProperty("DelaySeconds");
  });

  test("every queue wants TLS and is encrypted", () => {
    const queues = resourcesOf(template, "AWS::SQS::Queue");
    const guarded = Object.values(resourcesOf(template, "AWS::SQS::QueuePolicy")).filter(({ Properties }) =>
      JSON.stringify(Properties).includes('"aws:SecureTransport":"false"'),
    );
    expect(guarded).toHaveLength(Object.keys(queues).length);
    for (const { Properties } of Object.values(queues)) expect(Properties["SqsManagedSseEnabled"]).toBe(true);
  });
});

describe("the end of a job", () => {
  test("reaches the collector for single jobs and arrays, not for an array's children", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        detail: {
          status: ["SUCCEEDED", "FAILED"],
          arrayProperties: { index: [{ exists: false }] },
          jobQueue: Match.anyValue(),
        },
      },
    });
  });

  test("of our two queues only", () => {
    const rule = Object.values(resourcesOf(template, "AWS::Events::Rule")).find(
      ({ Properties }) => Properties["EventPattern"],
    )!;
    const { detail } = rule.Properties["EventPattern"] as { detail: { jobQueue: unknown[] } };
    expect(detail.jobQueue.map(asText).sort()).toEqual(
      Object.keys(resourcesOf(template, "AWS::Batch::JobQueue"))
        .map((name) => `<${name}.JobQueueArn>`)
        .sort(),
    );
  });

  test("every rule's target has a dead-letter queue, and so has every asynchronous function", () => {
    const rules = Object.values(resourcesOf(template, "AWS::Events::Rule"));
    expect(rules).toHaveLength(3);
    for (const { Properties } of rules) {
      for (const target of Properties["Targets"] as object[]) {
        expect(target).toMatchObject({
          DeadLetterConfig: { Arn: expect.anything() },
          RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 },
        });
      }
    }
    const invoked = Object.values(resourcesOf(template, "AWS::Lambda::EventInvokeConfig"));
    expect(invoked).toHaveLength(2);
    for (const { Properties } of invoked)
      expect(Properties).toMatchObject({
        MaximumRetryAttempts: 2,
        DestinationConfig: { OnFailure: { Destination: expect.anything() } },
      });
  });

  test("the reconciler looks on the lab's schedule", () => {
    templateOf({ reconcileMinutes: 7 }).hasResourceProperties("AWS::Events::Rule", {
      ScheduleExpression: "rate(7 minutes)",
    });
  });
});

describe("the default model", () => {
  test("is copied to its digest, then named", () => {
    const calls = Object.values(resourcesOf(template, "Custom::DefaultModel")).map(({ Properties }) =>
      asText(Properties["Create"]),
    );
    const text = calls.join("\n");
    for (const key of [
      `models/sha256/${modelDigest}/model.onnx`,
      `models/sha256/${modelDigest}/card.json`,
      "models/names/default.json",
      "models/names/tiny.json",
    ])
      expect(text).toContain(key);
    const pointers = Object.values(template.findResources("Custom::DefaultModel")).filter((resource) =>
      asText((resource["Properties"] as { Create: unknown }).Create).includes("putObject"),
    );
    for (const pointer of pointers)
      expect(
        (pointer["DependsOn"] as string[]).filter((name) => /DefaultModel(Model|Card)/.test(name)).length,
      ).toBeGreaterThanOrEqual(2);
  });

  test("is refused when its card speaks of another file", () => {
    const folder = writeModel(path.join(scratch, "other"), "0".repeat(64));
    expect(() => stackOf({ defaultModel: folder })).toThrow(
      /Expected a model with digest 0{64}.* but received one with/,
    );
  });
});

test("the command line finds queue and job definition in the bucket", () => {
  const body = Object.values(resourcesOf(template, "Custom::AWS"))
    .map(({ Properties }) => asText(Properties["Create"]))
    .find((call) => call.includes("deployment.json"));
  for (const part of ["ComputeTraining", "TrainingJobDefinition", "roomMiB"]) expect(body).toContain(part);
});

describe("watching", () => {
  test("each alarm tells people, and has its section in the runbook", () => {
    const alarms = Object.values(resourcesOf(template, "AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);
    expect(alarms).toHaveLength(alarmNames.length);
    const runbook = readFileSync(path.join(projectRoot, "docs/runbook.md"), "utf8");
    for (const name of alarmNames) {
      const alarm = alarms.find(({ AlarmDescription }) => String(AlarmDescription).endsWith(`docs/runbook.md#${name}`));
      expect(alarm).toMatchObject({ AlarmActions: [expect.anything()], TreatMissingData: "notBreaching" });
      expect(runbook).toContain(`\n## ${name}\n`);
    }
  });

  test("people are told of a job that no machine takes", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.batch"],
        "detail-type": ["Batch Job Queue Blocked"],
        detail: { jobQueue: [Match.anyValue(), Match.anyValue(), Match.anyValue()] },
      },
      Targets: [
        Match.objectLike({
          Arn: { Ref: Match.stringLikeRegexp("^Notices") },
          DeadLetterConfig: Match.anyValue(),
          InputTransformer: { InputPathsMap: Match.objectLike({ "detail-statusReason": "$.detail.statusReason" }) },
        }),
      ],
    });
    template.hasResourceProperties("AWS::SNS::TopicPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sns:Publish" }),
        ]),
      },
    });
  });

  test("there is a dashboard, and a budget where one is asked for", () => {
    template.resourceCountIs("AWS::CloudWatch::Dashboard", 1);
    template.resourceCountIs("AWS::Budgets::Budget", 0);
    templateOf({ budget: { monthlyUsd: 40, email: "lab@example.org" } }).hasResourceProperties("AWS::Budgets::Budget", {
      Budget: { BudgetLimit: { Amount: 40, Unit: "USD" }, TimeUnit: "MONTHLY", BudgetType: "COST" },
    });
  });

  test("notices go to the lab's address, by TLS only", () => {
    template.resourceCountIs("AWS::SNS::Subscription", 0);
    templateOf({ notificationEmail: "lab@example.org" }).hasResourceProperties("AWS::SNS::Subscription", {
      Protocol: "email",
      Endpoint: "lab@example.org",
    });
    template.hasResourceProperties("AWS::SNS::TopicPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
        ]),
      },
    });
  });

  test("every log group is kept for as long as the lab says", () => {
    const groups = Object.values(resourcesOf(templateOf({ retention: { logDays: 90 } }), "AWS::Logs::LogGroup"));
    expect(groups).toHaveLength(5);
    for (const { Properties } of groups) expect(Properties["RetentionInDays"]).toBe(90);
  });
});

test("nothing that costs by the hour stands while idle", () => {
  for (const type of [
    "AWS::EC2::NatGateway",
    "AWS::EC2::EIP",
    "AWS::EC2::Instance",
    "AWS::ECS::Service",
    "AWS::KMS::Key",
    "AWS::Events::EventBus",
  ])
    template.resourceCountIs(type, 0);
  const endpoints = Object.values(resourcesOf(template, "AWS::EC2::VPCEndpoint"));
  expect(endpoints.map(({ Properties }) => Properties["VpcEndpointType"])).toEqual(["Gateway"]);
});

const variablesOf = (of: Template): Record<string, unknown>[] =>
  Object.values(resourcesOf(of, "AWS::Lambda::Function"))
    .map(
      ({ Properties }) => (Properties["Environment"] as { Variables: Record<string, unknown> } | undefined)?.Variables,
    )
    .filter((variables) => variables !== undefined)
    .filter((variables) => Object.keys(variables).some((name) => name.startsWith("CYTOLENS_")));

describe("the handlers' variables", () => {
  const every = Object.values(handlerVariables).sort();

  test("are exactly those of the contract, at all three", () => {
    const priced = variablesOf(templateOf({ compute: { usdPerInstanceHour: 0.5 } }));
    expect(priced.map((variables) => Object.keys(variables).sort())).toEqual([every, every, every]);
    const unpriced = every.filter((name) => name !== handlerVariables.usdPerHour);
    expect(variablesOf(template).map((variables) => Object.keys(variables).sort())).toEqual([
      unpriced,
      unpriced,
      unpriced,
    ]);
  });

  test("are what a handler reads once the names of resources are known", () => {
    for (const variables of variablesOf(template)) {
      const known = Object.entries(variables).map(([name, value]) => [
        name,
        name === handlerVariables.hintsQueueUrl ? "https://queue.example/hints" : asText(value),
      ]);
      expect(handlerEnvironmentFrom(Object.fromEntries(known) as Record<string, string>)).toMatchObject({
        stack: "Cytolens",
        provider: "cuda",
      });
    }
  });
});
