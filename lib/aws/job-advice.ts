/** What to do about the reasons AWS Batch gives for a job that waits, or that it cancelled. */
const advice: readonly (readonly [RegExp, (queue: "spot" | "on-demand") => string])[] = [
  [
    /^CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY/,
    () => "No such machine is free: wait, name more types in compute.instanceTypes, or take another region.",
  ],
  [
    /^MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE/,
    () => "The job needs more than compute.maxVcpus allows: raise it, or lower compute.jobVcpus.",
  ],
  [
    /^MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT/,
    () => "No instance type has what the job asks for: lower compute.jobMemoryMiB or jobVcpus, or name larger types.",
  ],
  [
    /^MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED/,
    () => "EC2 refuses this combination of type, zone and image: name other types in compute.instanceTypes.",
  ],
  [
    /^(MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS|ACTION_REQUIRED)/,
    () =>
      "AWS Batch lacks a permission or a setting and waits for a person: look at the compute environment in its console.",
  ],
  [
    /^UNDETERMINED/,
    (queue) =>
      `AWS Batch does not know why, and waits for ever. Often it is a quota of vCPUs: ${queue === "spot" ? "L-3819A6DF (G and VT Spot)" : "L-DB2E81BA (G and VT on demand)"} in Service Quotas.`,
  ],
];

export const adviceFor = (reason: string, queue: "spot" | "on-demand"): string | undefined =>
  advice.find(([pattern]) => pattern.test(reason))?.[1](queue);
