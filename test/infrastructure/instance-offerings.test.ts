import { UserError } from "../../lib/contract/errors";
import { instanceTypesFor, knownRegions } from "../../lib/infrastructure/instance-offerings";

/** Regions without any instance of G6, G5 or G4dn. */
const withoutGpu = ["ap-east-2", "ap-southeast-4", "ap-southeast-6", "ap-southeast-7", "ca-west-1", "mx-central-1"];

test.each(knownRegions.filter((region) => !withoutGpu.includes(region)))("%s has GPU machines of ours", (region) => {
  const types = instanceTypesFor({ kind: "gpu" }, region);
  expect(types.length).toBeGreaterThan(0);
  for (const type of types) expect(type).toMatch(/^(g6|g5|g4dn)\.xlarge$/);
});

test.each(knownRegions)("%s has CPU machines of ours", (region) => {
  const types = instanceTypesFor({ kind: "cpu" }, region);
  expect(types.length).toBeGreaterThanOrEqual(2);
  for (const type of types) expect(type).toMatch(/^[cm][67]i\.xlarge$/);
});

// EC2's price list, read by hand for regions where a list of all families was refused.
test.each([
  ["eu-west-1", ["g5.xlarge", "g4dn.xlarge"]],
  ["ap-southeast-1", ["g4dn.xlarge"]],
  ["eu-central-2", ["g6.xlarge"]],
  ["us-gov-west-1", ["g6.xlarge", "g4dn.xlarge"]],
  ["us-east-1", ["g6.xlarge", "g5.xlarge", "g4dn.xlarge"]],
])("%s: %j", (region, types) => {
  expect(instanceTypesFor({ kind: "gpu" }, region)).toEqual(types);
});

test.each(withoutGpu)("%s has none, and synth says so", (region) => {
  expect(() => instanceTypesFor({ kind: "gpu" }, region)).toThrow(UserError);
  expect(() => instanceTypesFor({ kind: "gpu" }, region)).toThrow(
    new RegExp(`Expected a region with GPU instances of G6, G5 or G4dn but received ${region}: .*"cpu"`),
  );
});

test("a job takes one GPU and four vCPUs, which is the whole of each default machine", () => {
  // vCPUs for each GPU, as EC2 lists them.
  const vcpus: Readonly<Record<string, number>> = { "g6.xlarge": 4, "g5.xlarge": 4, "g4dn.xlarge": 4 };
  for (const type of instanceTypesFor({ kind: "gpu" }, undefined)) expect([type, vcpus[type]]).toEqual([type, 4]);
});

test("what a lab chose is kept, unless the region is known to lack it", () => {
  expect(instanceTypesFor({ kind: "gpu", instanceTypes: ["g6.2xlarge"] }, undefined)).toEqual(["g6.2xlarge"]);
  expect(instanceTypesFor({ kind: "gpu", instanceTypes: ["p5.4xlarge"] }, "eu-west-1")).toEqual(["p5.4xlarge"]);
  expect(() => instanceTypesFor({ kind: "gpu", instanceTypes: ["g6.2xlarge", "g5.xlarge"] }, "eu-west-1")).toThrow(
    "cytolens.compute.instanceTypes: Expected types that eu-west-1 offers but received g6.2xlarge, for which AWS Batch would refuse the whole list",
  );
});

test("nothing is known against a region that is not in the table", () => {
  expect(instanceTypesFor({ kind: "gpu" }, "moon-1")).toHaveLength(3);
});
