import { mkdirSync } from "node:fs";
import path from "node:path";
import { UserError } from "../../lib/contract/errors";
import { defaultModelFolder, readConfiguration } from "../../lib/infrastructure/configuration";
import { removeScratch, scratch, writeModel } from "./synthesized";

afterAll(removeScratch);

const messageOf = (context: unknown): string => {
  try {
    readConfiguration(context);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error("accepted");
};

test("nothing chosen means GPU, Spot, public subnets, five idle minutes", () => {
  const { compute, network, idleWindowSeconds, training } = readConfiguration(undefined);
  expect(compute).toMatchObject({ kind: "gpu", spot: true, attempts: 5, maxVcpus: 64, jobMemoryMiB: 13_000 });
  expect({ network, idleWindowSeconds, training }).toEqual({
    network: { kind: "public" },
    idleWindowSeconds: 300,
    training: true,
  });
});

test("CPU jobs get CPU instances, and the memory those have", () => {
  const { compute } = readConfiguration({ compute: { kind: "cpu" } });
  expect(compute.jobMemoryMiB).toBe(6_000);
});

test.each([
  [{ compute: { attempts: 11 } }, "cytolens.compute.attempts", "<=10", "11"],
  [{ compute: { kind: "tpu" } }, "cytolens.compute.kind", '"gpu"|"cpu"', '"tpu"'],
  [
    { compute: { instanceTypes: ["big one"] } },
    "cytolens.compute.instanceTypes.0",
    "instance type such as g5.xlarge",
    '"big one"',
  ],
  [{ compute: { capacityWaitMinutes: 5 } }, "cytolens.compute.capacityWaitMinutes", ">=10", "5"],
  [{ compute: { jobVcpus: 8, maxVcpus: 4 } }, "cytolens.compute.jobVcpus", "at most maxVcpus (4)", "8"],
  [{ idleWindowSeconds: "5 min" }, "cytolens.idleWindowSeconds", "expected number", '"5 min"'],
  [{ notificationEmail: "lab" }, "cytolens.notificationEmail", "an e-mail address", '"lab"'],
  [{ network: { kind: "vpn" } }, "cytolens.network.kind", "public, nat, isolated or existing", '"vpn"'],
  [
    {
      network: {
        kind: "existing",
        vpcId: "vpc-0ab00000",
        subnetIds: ["subnet-0ab00000"],
        availabilityZones: ["a", "b"],
      },
    },
    "cytolens.network.availabilityZones",
    "one availability zone for each subnet",
    '["a","b"]',
  ],
  [{ retention: { logDays: 31 } }, "cytolens.retention.logDays", "1, 3, 5, 7, 14, 30", "31"],
  [{ encryptionKeyArn: "alias/mine" }, "cytolens.encryptionKeyArn", "ARN of a KMS key", '"alias/mine"'],
  [{ imageUri: "worker" }, "cytolens.imageUri", "an image such as", '"worker"'],
  [{ stackName: "9lives" }, "cytolens.stackName", "a letter first", '"9lives"'],
  [{ budget: { monthlyUsd: 0, email: "a@b.co" } }, "cytolens.budget.monthlyUsd", ">0", "0"],
  [{ idleWindow: 5 }, "cytolens", "only known fields", '"idleWindow"'],
])("%j is refused with field, expectation and what came", (context, field, expected, received) => {
  const message = messageOf(context);
  expect(message).toContain(`${field}: `);
  expect(message.toLowerCase()).toContain(expected.toLowerCase());
  expect(message).toContain(`received ${received}`);
});

test("the command line may hand it over as JSON", () => {
  expect(readConfiguration('{"idleWindowSeconds":30}').idleWindowSeconds).toBe(30);
  expect(messageOf("idle=30")).toBe('cytolens: Expected an object, or JSON after -c cytolens=, but received "idle=30"');
});

test("every wrong field is named at once", () => {
  const message = messageOf({ compute: { attempts: 0 }, reconcileMinutes: 0 });
  expect(message).toContain("cytolens.compute.attempts");
  expect(message).toContain("cytolens.reconcileMinutes");
});

test("a default model that is not there is refused before anything is synthesised", () => {
  const folder = writeModel();
  expect(defaultModelFolder("/", readConfiguration({ defaultModel: folder }))).toBe(folder);
  const empty = path.join(scratch, "empty");
  mkdirSync(empty);
  expect(() => defaultModelFolder("/", readConfiguration({ defaultModel: empty }))).toThrow(
    /cytolens.defaultModel: Expected a folder with model.onnx and card.json but received .*empty/,
  );
  expect(defaultModelFolder(empty, readConfiguration({}))).toBeUndefined();
});
