import * as ec2 from "aws-cdk-lib/aws-ec2";
import { workerUser } from "./worker-job";

const metadataAddress = "169.254.169.254";
const agentPort = 51678;

/**
 * What an instance does before its first job, as the MIME parts that AWS Batch wants. Batch runs jobs in the host's network,
 * where one hop of IMDSv2 reaches a container too: so the host refuses what the job's user sends to the instance's
 * metadata, which would hand out the instance's role, and to the ECS agent. The job's own role comes from another address.
 */
export function instanceUserData(): ec2.MultipartUserData {
  const data = new ec2.MultipartUserData();
  // On every boot, before the ECS agent is there.
  data.addPart(part("text/cloud-boothook", [...refusals()]));
  data.addPart(part("text/x-shellscript", ["echo ECS_DISABLE_PRIVILEGED=true >> /etc/ecs/ecs.config"]));
  return data;
}

/** In the host's network and without user namespaces, the user of a container is the user the host sees. */
function* refusals(): Generator<string> {
  const [user] = workerUser.split(":");
  for (const to of [`--destination ${metadataAddress}`, `--protocol tcp --destination-port ${agentPort}`])
    yield `iptables --insert OUTPUT ${to} --match owner --uid-owner ${user} --jump REJECT`;
}

const part = (contentType: string, lines: readonly string[]): ec2.MultipartBody =>
  ec2.MultipartBody.fromRawBody({
    contentType: `${contentType}; charset="us-ascii"`,
    body: ["#!/bin/bash", ...lines, ""].join("\n"),
  });
