import { Match, type Template } from "aws-cdk-lib/assertions";
import { asText, removeScratch, resourcesOf, templateOf } from "./synthesized";

afterAll(removeScratch);

let gpu: Template;
let cpu: Template;
beforeAll(() => {
  gpu = templateOf();
  cpu = templateOf({ compute: { kind: "cpu", spot: false, attempts: 3, attemptTimeoutMinutes: 30 } });
});

interface Environment {
  readonly ComputeEnvironmentName?: string;
  readonly ReplaceComputeEnvironment: boolean;
  readonly ComputeResources: {
    Type: string;
    AllocationStrategy: string;
    InstanceTypes: string[];
    MinvCpus: number;
    MaxvCpus: number;
    Ec2Configuration: unknown;
    LaunchTemplate: { Version: unknown };
    SecurityGroupIds: unknown[];
  };
}

const environments = (template: Template): Environment[] =>
  Object.values(resourcesOf(template, "AWS::Batch::ComputeEnvironment")).map(
    ({ Properties }) => Properties as unknown as Environment,
  );

const definition = (template: Template, name: string): Record<string, unknown> => {
  const found = Object.values(resourcesOf(template, "AWS::Batch::JobDefinition")).find(
    ({ Properties }) => Properties["JobDefinitionName"] === name,
  );
  return found!.Properties;
};

describe("compute environments", () => {
  test("on Spot and on demand, empty while idle, with the ceiling the lab chose", () => {
    const found = environments(gpu).map(({ ComputeResources: { Type, AllocationStrategy, MinvCpus, MaxvCpus } }) => [
      Type,
      AllocationStrategy,
      MinvCpus,
      MaxvCpus,
    ]);
    expect(found.sort()).toEqual([
      ["EC2", "BEST_FIT_PROGRESSIVE", 0, 64],
      ["SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED", 0, 64],
      ["SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED", 0, 64],
    ]);
  });

  test("without Spot there is one queue, and both tries use it", () => {
    expect(environments(cpu).map(({ ComputeResources }) => ComputeResources.Type)).toEqual(["EC2"]);
    cpu.resourceCountIs("AWS::Batch::JobQueue", 1);
  });

  test("GPU instances only, never 'optimal', on the AL2023 image with NVIDIA's driver", () => {
    for (const { ComputeResources } of environments(templateOf({ training: false }))) {
      expect(ComputeResources.Ec2Configuration).toEqual([{ ImageType: "ECS_AL2023_NVIDIA" }]);
      expect(ComputeResources.InstanceTypes).not.toContain("optimal");
      expect(ComputeResources.InstanceTypes.every((name) => /^g\d/.test(name))).toBe(true);
    }
    for (const { ComputeResources } of environments(cpu)) {
      expect(ComputeResources.Ec2Configuration).toEqual([{ ImageType: "ECS_AL2023" }]);
      expect(ComputeResources.InstanceTypes).not.toContain("optimal");
    }
  });

  test("a region's own list is what both environments are made of", () => {
    for (const { ComputeResources } of environments(templateOf({ training: false }, "eu-west-1")))
      expect(ComputeResources.InstanceTypes).toEqual(["g5.xlarge", "g4dn.xlarge"]);
  });

  test("neither environments nor queues are named, for a named one cannot be replaced", () => {
    for (const environment of environments(gpu)) {
      expect(environment).not.toHaveProperty("ComputeEnvironmentName");
      expect(environment.ReplaceComputeEnvironment).toBe(false);
    }
    for (const { Properties } of Object.values(resourcesOf(gpu, "AWS::Batch::JobQueue")))
      expect(Properties).not.toHaveProperty("JobQueueName");
  });

  test("follow the launch template's newest version", () => {
    for (const { ComputeResources } of environments(gpu))
      expect(asText(ComputeResources.LaunchTemplate.Version)).toMatch(/^<ComputeInstances\w+\.LatestVersionNumber>$/);
  });

  test("the host refuses the job's user the instance's metadata, in user data as Batch wants it", () => {
    const [template] = Object.values(resourcesOf(gpu, "AWS::EC2::LaunchTemplate"));
    const { UserData } = template!.Properties["LaunchTemplateData"] as { UserData: { "Fn::Base64": string } };
    const [head = "", ...rest] = UserData["Fn::Base64"].split("\n\n");
    expect(head).toMatch(/^Content-Type: multipart\/mixed; boundary="([^"]+)"\nMIME-Version: 1\.0$/);
    const body = rest.join("\n\n");
    const [, hook = "", script = "", end] = body.split(
      /^--\+AWS\+CDK\+User\+Data\+Separator==(?:--)?$|^--\S+?(?:--)?$/m,
    );
    const [user] = String((definition(gpu, "Cytolens-worker")["ContainerProperties"] as { User: string }).User).split(
      ":",
    );
    expect(hook).toContain('Content-Type: text/cloud-boothook; charset="us-ascii"');
    expect(hook).toContain(
      `iptables --insert OUTPUT --destination 169.254.169.254 --match owner --uid-owner ${user} --jump REJECT`,
    );
    expect(hook).toContain(`--destination-port 51678 --match owner --uid-owner ${user} --jump REJECT`);
    // Where a job's own credentials come from.
    expect(hook).not.toContain("169.254.170.2");
    expect(script).toContain('Content-Type: text/x-shellscript; charset="us-ascii"');
    expect(script).toContain("echo ECS_DISABLE_PRIVILEGED=true >> /etc/ecs/ecs.config");
    expect(end?.trim()).toBe("");
  });

  test("instances want IMDSv2 and encrypt their disks", () => {
    gpu.hasResourceProperties("AWS::EC2::LaunchTemplate", {
      LaunchTemplateData: {
        MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
        BlockDeviceMappings: [
          {
            DeviceName: "/dev/xvda",
            Ebs: { Encrypted: true, VolumeType: "gp3", DeleteOnTermination: true, VolumeSize: 80 },
          },
        ],
      },
    });
  });
});

describe("queues", () => {
  test("cancel, after a wait within Batch's range, what no instance will ever run", () => {
    for (const { Properties } of Object.values(resourcesOf(gpu, "AWS::Batch::JobQueue"))) {
      const limits = Properties["JobStateTimeLimitActions"] as {
        Reason: string;
        MaxTimeSeconds: number;
        Action: string;
        State: string;
      }[];
      expect(limits.map(({ Reason }) => Reason).sort()).toEqual([
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
      ]);
      for (const { MaxTimeSeconds, Action, State } of limits) {
        expect([Action, State]).toEqual(["CANCEL", "RUNNABLE"]);
        expect(MaxTimeSeconds).toBeGreaterThanOrEqual(600);
        expect(MaxTimeSeconds).toBeLessThanOrEqual(86_400);
      }
      expect((Properties["ComputeEnvironmentOrder"] as unknown[]).length).toBeLessThanOrEqual(3);
    }
  });
});

describe("job definitions", () => {
  test.each(["Cytolens-worker", "Cytolens-training"])(
    "%s retries what the surroundings did, and nothing else",
    (name) => {
      const strategy = definition(gpu, name)["RetryStrategy"] as { Attempts: number; EvaluateOnExit: unknown[] };
      expect(strategy.EvaluateOnExit).toEqual([
        { Action: "RETRY", OnStatusReason: "Host EC2*" },
        { Action: "RETRY", OnReason: "CannotPull*" },
        { Action: "RETRY", OnExitCode: "137" },
        { Action: "EXIT", OnReason: "*" },
      ]);
      expect(strategy.EvaluateOnExit.length).toBeLessThanOrEqual(5);
      expect(strategy.Attempts).toBe(5);
    },
  );

  test("attempts and time-outs are the lab's, within Batch's ranges", () => {
    expect(definition(cpu, "Cytolens-worker")).toMatchObject({
      RetryStrategy: { Attempts: 3 },
      Timeout: { AttemptDurationSeconds: 1800 },
    });
    for (const { Properties } of Object.values(resourcesOf(gpu, "AWS::Batch::JobDefinition"))) {
      expect(
        (Properties["Timeout"] as { AttemptDurationSeconds: number }).AttemptDurationSeconds,
      ).toBeGreaterThanOrEqual(60);
    }
  });

  test.each(["Cytolens-worker", "Cytolens-training"])("%s is hardened", (name) => {
    expect(definition(gpu, name)["ContainerProperties"]).toMatchObject({
      User: "10001:10001",
      Privileged: false,
      ReadonlyRootFilesystem: true,
      LinuxParameters: {
        InitProcessEnabled: true,
        Tmpfs: [
          {
            ContainerPath: "/tmp",
            MountOptions: ["rw", "noexec", "nosuid", "nodev"],
            Size: 1024,
          },
        ],
      },
      Ulimits: [{ Name: "core", HardLimit: 0, SoftLimit: 0 }],
    });
    // A training's data set and checkpoints lie on the machine's disk, in a folder that goes with the job.
    const volumes = (definition(gpu, name)["ContainerProperties"] as { Volumes?: unknown }).Volumes;
    expect(volumes).toEqual(name.endsWith("worker") ? undefined : [{ Name: "scratch", Host: {} }]);
  });

  test("a training, which computes on CPUs, asks for no GPU and has machines without one", () => {
    const { ResourceRequirements, Environment } = definition(gpu, "Cytolens-training")["ContainerProperties"] as {
      ResourceRequirements: { Type: string }[];
      Environment: unknown[];
    };
    expect(ResourceRequirements.map(({ Type }) => Type).sort()).toEqual(["MEMORY", "VCPU"]);
    expect(Environment).toContainEqual({ Name: "CYTOLENS_PROVIDER", Value: "cpu" });
    expect(Environment).toContainEqual({ Name: "CYTOLENS_SCRATCH", Value: "/scratch" });
    const own = Object.entries(resourcesOf(gpu, "AWS::Batch::ComputeEnvironment")).filter(([name]) =>
      name.startsWith("ComputeTraining"),
    );
    expect(own).toHaveLength(1);
    for (const [, { Properties }] of own)
      expect(Properties["ComputeResources"]).toMatchObject({
        Ec2Configuration: [{ ImageType: "ECS_AL2023" }],
        InstanceTypes: ["c7i.xlarge", "c6i.xlarge", "m7i.xlarge", "m6i.xlarge"],
      });
    cpu.resourceCountIs("AWS::Batch::JobQueue", 1);
  });

  test("asks for a GPU and CUDA, or for neither", () => {
    const gpuJob = definition(gpu, "Cytolens-worker")["ContainerProperties"] as {
      ResourceRequirements: unknown[];
      Environment: unknown[];
    };
    expect(gpuJob.ResourceRequirements).toContainEqual({ Type: "GPU", Value: "1" });
    expect(gpuJob.Environment).toContainEqual({ Name: "CYTOLENS_PROVIDER", Value: "cuda" });
    const cpuJob = definition(cpu, "Cytolens-worker")["ContainerProperties"] as {
      ResourceRequirements: { Type: string }[];
      Environment: unknown[];
    };
    expect(cpuJob.ResourceRequirements.map(({ Type }) => Type).sort()).toEqual(["MEMORY", "VCPU"]);
    expect(cpuJob.Environment).toContainEqual({ Name: "CYTOLENS_PROVIDER", Value: "cpu" });
    for (const { Environment } of [gpuJob, cpuJob])
      expect(Environment).toContainEqual({ Name: "ORT_DISABLE_TELEMETRY", Value: "1" });
  });

  test.each(["Cytolens-worker", "Cytolens-training"])("%s is told its region, as nothing else tells it", (name) => {
    const { Environment } = definition(gpu, name)["ContainerProperties"] as { Environment: unknown[] };
    expect(Environment).toContainEqual({ Name: "AWS_REGION", Value: { Ref: "AWS::Region" } });
  });

  test("old revisions stay, so that a deploy in the middle of a run does no harm", () => {
    for (const { Properties } of Object.values(resourcesOf(gpu, "AWS::Batch::JobDefinition")))
      expect(Properties["ResourceRetentionPolicy"]).toEqual({ SkipDeregisterOnUpdate: true });
  });

  test("are far below Batch's 24 KiB", () => {
    for (const { Properties } of Object.values(resourcesOf(gpu, "AWS::Batch::JobDefinition")))
      expect(JSON.stringify(Properties).length).toBeLessThan(8 * 1024);
  });

  test("no training, no training job", () => {
    templateOf({ training: false }).resourceCountIs("AWS::Batch::JobDefinition", 1);
  });
});

describe("the network", () => {
  test("nothing comes in, and only TLS goes out", () => {
    for (const { Properties } of Object.values(resourcesOf(gpu, "AWS::EC2::SecurityGroup"))) {
      expect(Properties).not.toHaveProperty("SecurityGroupIngress");
      expect(Properties["SecurityGroupEgress"]).toEqual([
        expect.objectContaining({ CidrIp: "0.0.0.0/0", FromPort: 443, ToPort: 443, IpProtocol: "tcp" }),
      ]);
    }
    gpu.resourceCountIs("AWS::EC2::SecurityGroupIngress", 0);
  });

  test("public: an address for each instance, since there is no NAT", () => {
    const subnets = Object.values(resourcesOf(gpu, "AWS::EC2::Subnet"));
    expect(subnets).toHaveLength(3);
    for (const { Properties } of subnets) expect(Properties["MapPublicIpOnLaunch"]).toBe(true);
  });

  test.each([
    [{}, undefined, 3],
    [{}, "eu-west-1", 3],
    [{}, "us-west-1", 2],
    [{ network: { kind: "isolated", zones: 2 } }, "eu-west-1", 2],
    [{ network: { kind: "nat", zones: 4 } }, undefined, 4],
  ])("%j in %s spans the zones that are there (%i)", (configuration, region, zones) => {
    const workers = Object.entries(resourcesOf(templateOf(configuration, region), "AWS::EC2::Subnet")).filter(
      ([name]) => name.includes("Workers"),
    );
    const named = workers.map(([, { Properties }]) => JSON.stringify(Properties["AvailabilityZone"]));
    expect(named.sort()).toEqual(
      Array.from({ length: zones }, (_, index) => JSON.stringify({ "Fn::Select": [index, { "Fn::GetAZs": "" }] })),
    );
  });

  test("NAT: private workers behind one gateway", () => {
    const template = templateOf({ network: { kind: "nat" } });
    template.resourceCountIs("AWS::EC2::NatGateway", 1);
    const privates = Object.entries(resourcesOf(template, "AWS::EC2::Subnet")).filter(([name]) =>
      name.includes("Workers"),
    );
    for (const [, { Properties }] of privates) expect(Properties["MapPublicIpOnLaunch"]).toBe(false);
  });

  test("isolated: no way to the internet, and an endpoint for each service a job needs", () => {
    const template = templateOf({ network: { kind: "isolated" } });
    for (const type of ["AWS::EC2::NatGateway", "AWS::EC2::InternetGateway"]) template.resourceCountIs(type, 0);
    const names = Object.values(resourcesOf(template, "AWS::EC2::VPCEndpoint")).map(({ Properties }) =>
      asText(Properties["ServiceName"]).split(".").slice(-2).join("."),
    );
    expect(names.map((name) => name.replace(/^.*>\./, "")).sort()).toEqual([
      "ecr.api",
      "ecr.dkr",
      "ecs",
      "ecs-agent",
      "ecs-telemetry",
      "logs",
      "s3",
    ]);
    template.hasResourceProperties("AWS::EC2::SecurityGroupIngress", {
      FromPort: 443,
      ToPort: 443,
      SourceSecurityGroupId: Match.anyValue(),
    });
  });

  test("existing: the lab's subnets, and no network of ours", () => {
    const template = templateOf({
      network: {
        kind: "existing",
        vpcId: "vpc-0ab00000",
        subnetIds: ["subnet-0ab00000"],
        availabilityZones: ["eu-west-1a"],
      },
    });
    template.resourceCountIs("AWS::EC2::VPC", 0);
    template.allResourcesProperties("AWS::Batch::ComputeEnvironment", {
      ComputeResources: { Subnets: ["subnet-0ab00000"] },
    });
  });
});
