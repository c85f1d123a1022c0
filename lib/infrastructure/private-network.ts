import { Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import type { Configuration } from "./configuration";

/** What an instance without a way to the internet must reach to run a job: images, the ECS agent's calls, logs. */
const isolatedServices = {
  EcrApi: ec2.InterfaceVpcEndpointAwsService.ECR,
  EcrImages: ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Ecs: ec2.InterfaceVpcEndpointAwsService.ECS,
  EcsAgent: ec2.InterfaceVpcEndpointAwsService.ECS_AGENT,
  EcsTelemetry: ec2.InterfaceVpcEndpointAwsService.ECS_TELEMETRY,
  Logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
};

/** Where instances run. Nothing ever connects to them: their security group lets nothing in. */
export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, { network }: Configuration) {
    super(scope, id);
    if (network.kind === "existing") {
      this.vpc = ec2.Vpc.fromVpcAttributes(this, "Vpc", {
        vpcId: network.vpcId,
        availabilityZones: network.availabilityZones,
      });
      this.subnets = {
        subnets: network.subnetIds.map((subnetId, i) =>
          ec2.Subnet.fromSubnetAttributes(this, `Subnet${i}`, {
            subnetId,
            availabilityZone: network.availabilityZones[i] ?? "",
          }),
        ),
      };
    } else {
      const subnetType = {
        public: ec2.SubnetType.PUBLIC,
        nat: ec2.SubnetType.PRIVATE_WITH_EGRESS,
        isolated: ec2.SubnetType.PRIVATE_ISOLATED,
      }[network.kind];
      this.vpc = new ec2.Vpc(this, "Vpc", {
        // As many as the stack names: more zones are more pools of machines.
        maxAzs: Stack.of(this).availabilityZones.length,
        natGateways: network.kind === "nat" ? 1 : 0,
        subnetConfiguration: [
          ...(network.kind === "nat" ? [{ name: "Public", subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24 }] : []),
          { name: "Workers", subnetType, cidrMask: 20 },
        ],
        // Free, and keeps images off the NAT gateway and the internet.
        gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      });
      this.subnets = { subnetType };
    }
    this.securityGroup = new ec2.SecurityGroup(this, "Workers", {
      vpc: this.vpc,
      description: "Cytolens workers: nothing comes in",
      allowAllOutbound: false,
    });
    this.securityGroup.addEgressRule(
      ec2.Peer.anyIpv4(),
      ec2.Port.tcp(443),
      "S3, ECR, ECS and CloudWatch Logs over TLS",
    );
    if (network.kind === "isolated") this.addEndpoints(this.vpc);
  }

  private addEndpoints(vpc: ec2.IVpc): void {
    const callers = new ec2.SecurityGroup(this, "Endpoints", {
      vpc,
      description: "Cytolens endpoints: TLS from the workers only",
      allowAllOutbound: false,
    });
    callers.addIngressRule(this.securityGroup, ec2.Port.tcp(443), "The workers");
    for (const [name, service] of Object.entries(isolatedServices)) {
      new ec2.InterfaceVpcEndpoint(this, name, {
        vpc,
        service,
        subnets: this.subnets,
        securityGroups: [callers],
        open: false,
      });
    }
  }
}
