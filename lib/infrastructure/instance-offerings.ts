import { UserError } from "../contract/errors";

/**
 * Which instance types a compute environment is made of. AWS Batch refuses a whole list for one type that its region
 * lacks, so the list is what the region has of these families. One size of each: a job takes one GPU and four vCPUs,
 * and a larger machine would run one job just the same.
 */
const families = { gpu: ["g6", "g5", "g4dn"], cpu: ["c7i", "c6i", "m7i", "m6i"] } as const;
const size = "xlarge";

/** Of those families, what each region offers in this size: EC2's price list as cfn-lint 1.58.0 keeps it. */
const offered: Readonly<Record<string, string>> = {
  "af-south-1": "g4dn c7i c6i m7i m6i",
  "ap-east-1": "g5 g4dn c7i c6i m7i m6i",
  "ap-east-2": "c7i c6i m7i m6i",
  "ap-northeast-1": "g6 g5 g4dn c7i c6i m7i m6i",
  "ap-northeast-2": "g6 g5 g4dn c7i c6i m7i m6i",
  "ap-northeast-3": "g4dn c7i c6i m7i m6i",
  "ap-south-1": "g6 g5 g4dn c7i c6i m7i m6i",
  "ap-south-2": "g6 c7i c6i m7i m6i",
  "ap-southeast-1": "g4dn c7i c6i m7i m6i",
  "ap-southeast-2": "g6 g5 g4dn c7i c6i m7i m6i",
  "ap-southeast-3": "g5 c7i m7i m6i",
  "ap-southeast-4": "c7i m7i",
  "ap-southeast-5": "g6 c7i c6i m7i m6i",
  "ap-southeast-6": "c7i c6i m7i m6i",
  "ap-southeast-7": "c7i c6i m7i m6i",
  "ca-central-1": "g6 g5 g4dn c7i c6i m7i m6i",
  "ca-west-1": "c7i c6i m6i",
  "cn-north-1": "g5 g4dn c6i m6i",
  "cn-northwest-1": "g5 g4dn c6i m6i",
  "eu-central-1": "g6 g5 g4dn c7i c6i m7i m6i",
  "eu-central-2": "g6 c7i m7i m6i",
  "eu-north-1": "g6 g5 g4dn c7i c6i m7i m6i",
  "eu-south-1": "g4dn c7i c6i m7i m6i",
  "eu-south-2": "g6 g5 c7i m7i",
  "eu-west-1": "g5 g4dn c7i c6i m7i m6i",
  "eu-west-2": "g6 g5 g4dn c7i c6i m7i m6i",
  "eu-west-3": "g6 g5 g4dn c7i c6i m7i m6i",
  "il-central-1": "g5 c7i c6i m7i m6i",
  "me-central-1": "g6 g5 c7i m7i m6i",
  "me-south-1": "g4dn c6i m6i",
  "mx-central-1": "c7i c6i m7i m6i",
  "sa-east-1": "g6 g5 g4dn c7i c6i m7i m6i",
  "us-east-1": "g6 g5 g4dn c7i c6i m7i m6i",
  "us-east-2": "g6 g5 g4dn c7i c6i m7i m6i",
  "us-gov-east-1": "g6 g4dn c7i c6i m7i m6i",
  "us-gov-west-1": "g6 g4dn c7i c6i m7i m6i",
  "us-west-1": "g4dn c7i c6i m7i m6i",
  "us-west-2": "g6 g5 g4dn c7i c6i m7i m6i",
};

export const knownRegions: readonly string[] = Object.keys(offered);

/** Accounts see two zones there; three elsewhere. */
const twoZones: ReadonlySet<string> = new Set(["us-west-1"]);
export const zonesOf = (region: string | undefined): number => (region !== undefined && twoZones.has(region) ? 2 : 3);

/**
 * The types of a compute environment: those the lab chose, or what the region offers of ours.
 * @param region undefined, or one that is not in the table: all of ours, for nothing is known against them
 * @throws UserError "configuration.instance-types" when the region has none, or lacks one that was chosen
 */
export function instanceTypesFor(
  {
    kind,
    instanceTypes,
  }: { readonly kind: keyof typeof families; readonly instanceTypes?: readonly string[] | undefined },
  region: string | undefined,
): string[] {
  const there = region === undefined ? undefined : offered[region]?.split(" ");
  if (instanceTypes !== undefined) {
    const lacking = instanceTypes.filter(
      (type) => there !== undefined && isKnown(type) && !there.includes(familyOf(type)),
    );
    if (lacking.length > 0)
      throw new UserError(
        "configuration.instance-types",
        `cytolens.compute.instanceTypes: Expected types that ${region} offers but received ${lacking.join(", ")}, for which AWS Batch would refuse the whole list`,
      );
    return [...instanceTypes];
  }
  const found = families[kind].filter((family) => there?.includes(family) ?? true);
  if (found.length === 0)
    throw new UserError(
      "configuration.instance-types",
      `cytolens.compute.kind: Expected a region with GPU instances of G6, G5 or G4dn but received ${region}: choose another region, set compute.kind to "cpu", or name types in compute.instanceTypes`,
    );
  return found.map((family) => `${family}.${size}`);
}

const familyOf = (type: string): string => type.split(".")[0] ?? "";
const isKnown = (type: string): boolean =>
  [...families.gpu, ...families.cpu].some((family) => family === familyOf(type));
