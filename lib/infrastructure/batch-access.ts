import * as iam from "aws-cdk-lib/aws-iam";
import type { Compute } from "./compute";
import type { HardenedJob } from "./worker-job";

/** Submitting this job to these queues, and asking after jobs (which AWS Batch grants only for all of them). */
export function allowJobs(role: iam.IGrantable, { spot, onDemand }: Compute, { allRevisions }: HardenedJob): void {
  const queues = [...new Set([spot.jobQueueArn, onDemand.jobQueueArn])];
  role.grantPrincipal.addToPrincipalPolicy(
    new iam.PolicyStatement({ actions: ["batch:SubmitJob"], resources: [...queues, allRevisions] }),
  );
  role.grantPrincipal.addToPrincipalPolicy(
    new iam.PolicyStatement({ actions: ["batch:ListJobs", "batch:DescribeJobs"], resources: ["*"] }),
  );
}
