import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  BatchClient,
  CancelJobCommand,
  DescribeJobsCommand,
  ListJobsCommand,
  SubmitJobCommand,
  TerminateJobCommand,
} from "@aws-sdk/client-batch";
import { BatchJobQueue } from "../../lib/aws/batch-job-queue";
import { TransientError, EnvironmentError } from "../../lib/contract/errors";
import type { BatchName, RunId } from "../../lib/contract/names";
import { workerTaskFrom } from "../../lib/contract/worker-environment";
import type { JobFacts, JobRequest } from "../../lib/protocol/ports";
import { BatchServer, type EventType, type FaultRequest } from "./batch-server";

/** A worker that records its environment, then does what its run's first digit says: 0 succeeds, f fails, 5 sleeps on its first attempt, 9 dies of memory. */
const worker = `
  const fs = require("node:fs");
  const { CYTOLENS_RUN: run, AWS_BATCH_JOB_ATTEMPT: attempt, AWS_BATCH_JOB_ARRAY_INDEX: index = "0" } = process.env;
  fs.appendFileSync(process.env.TRACE, JSON.stringify(process.env) + "\\n");
  if (run[0] === "f" && index === "1") process.exit(3);
  if (run[0] === "9" && attempt === "1") process.kill(process.pid, "SIGKILL");
  if (run[0] === "5" && attempt === "1") setTimeout(() => {}, 60_000);
`;

const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-batch-"));
const trace = path.join(scratch, "trace");
const events: (Record<string, unknown> & { readonly type: EventType })[] = [];
let server: BatchServer;
let address: string;
let client: BatchClient;
let queue: BatchJobQueue;

beforeAll(async () => {
  server = new BatchServer(
    {
      workingFolder: scratch,
      log: () => undefined,
      credentials: async (role) => ({ ROLE: role, AWS_ENDPOINT_URL: "http://nowhere" }),
      whyNotPulled: async (image, role) => (image === "private" && role !== "puller" ? "not authorized" : undefined),
    },
    async (detail, type) => {
      events.push({ ...detail, type });
    },
  );
  address = `http://127.0.0.1:${await server.listen()}`;
  const named = { account: "000000000000", region: "eu-west-1" };
  const limits = [{ Reason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY" }];
  for (const logicalId of ["Spot", "OnDemand"])
    await post("/resources/job-queue", { ...named, logicalId, properties: { JobStateTimeLimitActions: limits } });
  const { arn } = await post("/resources/job-definition", {
    ...named,
    logicalId: "Worker",
    properties: {
      ContainerProperties: {
        Command: ["node", "-e", worker],
        Environment: [
          { Name: "CYTOLENS_BUCKET", Value: "b" },
          { Name: "TRACE", Value: trace },
        ],
        JobRoleArn: "role",
      },
      Timeout: {},
      RetryStrategy: {
        Attempts: 3,
        EvaluateOnExit: [
          { Action: "RETRY", OnStatusReason: "Host EC2*" },
          { Action: "RETRY", OnExitCode: "137" },
          { Action: "EXIT", OnReason: "*" },
        ],
      },
    },
  });
  client = new BatchClient({
    endpoint: address,
    region: "eu-west-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    maxAttempts: 1,
  });
  queue = new BatchJobQueue(client, { spot: "Spot", onDemand: "OnDemand", jobDefinition: String(arn) });
});

afterAll(async () => {
  client.destroy();
  await server.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function post(route: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(address + route, { method: "POST", body: JSON.stringify(body) });
  return (await answer.json()) as Record<string, unknown>;
}

const inject = (fault: FaultRequest): Promise<Record<string, unknown>> => post("/faults", fault);

const request = (run: string, size = 1): JobRequest => ({
  name: `${run}-0-0`,
  batch: "Łódź 1/2".replace("/", "-") as BatchName,
  run: run as RunId,
  size,
  jobDefinition: null,
  dispatch: { number: 0, part: 0, queue: "spot" },
});

async function finished(jobId: string): Promise<JobFacts> {
  for (let tries = 0; tries < 400; tries++) {
    const facts = await queue.describe(jobId);
    if (facts && (facts.state === "succeeded" || facts.state === "failed")) return facts;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`job ${jobId} did not end`);
}

/** Waits for what the server tells of its own accord. */
async function toldOf(jobId: string, type: EventType): Promise<Record<string, unknown>> {
  for (let tries = 0; tries < 400; tries++) {
    const found = events.find((event) => event.type === type && event["jobId"] === jobId);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`no "${type}" came for job ${jobId}`);
}

const startsOf = (run: string): Record<string, string>[] =>
  readFileSync(trace, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>)
    .filter(({ CYTOLENS_RUN }) => CYTOLENS_RUN === run);

test("an array's children learn what to do from their environment", async () => {
  const run = "0000000000000001";
  const { jobId } = await queue.submit(request(run, 3));
  expect(await finished(jobId)).toMatchObject({ state: "succeeded", name: `${run}-0-0` });
  const tasks = startsOf(run).map((environment) => workerTaskFrom(environment));
  expect(tasks.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
  expect(tasks[0]).toMatchObject({
    batch: "Łódź 1-2",
    run,
    number: 0,
    part: 0,
    attempt: 1,
    bucket: "b",
    provider: "cpu",
  });
  expect(startsOf(run)[0]).toMatchObject({ ROLE: "role" });
});

test("a job's environment is what AWS gives one, and nothing of this process's", async () => {
  process.env["OF_THIS_PROCESS"] = "leaked";
  const { jobId } = await queue.submit(request("0000000000000007"));
  await finished(jobId);
  delete process.env["OF_THIS_PROCESS"];
  const [environment = {}] = startsOf("0000000000000007");
  // PATH and TMPDIR are what a program of this machine cannot start without.
  expect(
    Object.keys(environment)
      .filter((name) => !["PATH", "TMPDIR"].includes(name))
      .sort(),
  ).toEqual([
    "AWS_BATCH_JOB_ATTEMPT",
    "AWS_BATCH_JOB_ID",
    "AWS_ENDPOINT_URL",
    "CYTOLENS_BATCH",
    "CYTOLENS_BUCKET",
    "CYTOLENS_DISPATCH",
    "CYTOLENS_PART",
    "CYTOLENS_RUN",
    "ROLE",
    "TRACE",
  ]);
});

test("an image that may not be pulled starts nothing", async () => {
  const { arn } = await post("/resources/job-definition", {
    account: "000000000000",
    region: "eu-west-1",
    logicalId: "Private",
    properties: { ContainerProperties: { Image: "private", Command: ["node"], ExecutionRoleArn: "other" } },
  });
  const { jobId } = await queue.submit({ ...request("0000000000000008"), jobDefinition: String(arn) });
  expect(await finished(jobId)).toMatchObject({
    state: "failed",
    reason: "Task failed to start; CannotPullContainerError: not authorized",
  });
});

const environmentOf = (types: string[]): Promise<Record<string, unknown>> =>
  post("/resources/compute-environment", {
    account: "000000000000",
    region: "eu-west-1",
    logicalId: "Gpu",
    properties: { ComputeResources: { InstanceTypes: types } },
  });

test("a region that lacks one instance type refuses the whole list", async () => {
  expect(await environmentOf(["g6.xlarge", "g5.xlarge"])).toMatchObject({
    message: expect.stringContaining("Instance type can only be one of"),
  });
  expect(await environmentOf(["g5.xlarge"])).toMatchObject({ arn: expect.stringContaining("compute-environment/Gpu") });
});

test("one shard is a plain job without an array", async () => {
  const { jobId } = await queue.submit(request("0000000000000002"));
  await finished(jobId);
  expect((await client.send(new DescribeJobsCommand({ jobs: [jobId] }))).jobs?.[0]).not.toHaveProperty(
    "arrayProperties",
  );
});

test("a job's machines took what all attempts of all children took", async () => {
  const { jobId } = await queue.submit(request("9000000000000002", 2));
  await finished(jobId);
  const { jobs = [] } = await client.send(new DescribeJobsCommand({ jobs: [`${jobId}:0`, `${jobId}:1`] }));
  const attempts = jobs.flatMap((job) => job.attempts ?? []);
  expect(attempts).toHaveLength(4);
  const took = attempts.reduce((sum, { startedAt = 0, stoppedAt = 0 }) => sum + (stoppedAt - startedAt) / 1000, 0);
  expect(took).toBeGreaterThan(0);
  expect(await queue.machineSeconds(jobId)).toBeCloseTo(took, 6);
  expect(await queue.machineSeconds("not-a-job")).toBeUndefined();
});

test("a failed array gives its child's reason, not its own", async () => {
  const { jobId } = await queue.submit(request("f000000000000001", 2));
  expect(await finished(jobId)).toMatchObject({
    state: "failed",
    reason: "Essential container in task exited; exit code 3",
  });
});

test("a reclaimed instance is another attempt, and so is death by memory", async () => {
  const { jobId } = await queue.submit(request("5000000000000001"));
  while ((await inject({}))["running"] === 0) await new Promise((resolve) => setTimeout(resolve, 25));
  await inject({ reclaim: true });
  expect(await finished(jobId)).toMatchObject({ state: "succeeded", attempts: 2 });
  const killed = await queue.submit(request("9000000000000001"));
  expect(await finished(killed.jobId)).toMatchObject({ state: "succeeded", attempts: 2 });
});

test("a job is found by its name, whatever became of it, and not by another's", async () => {
  const name = "0000000000000002-0-0";
  expect(await queue.findByName(name, "spot")).toMatchObject({ name, state: "succeeded" });
  expect(await queue.findByName("0000000000000009-0-0", "spot")).toBeUndefined();
  expect(await queue.describe("not-a-job")).toBeUndefined();
});

test("a submission that was refused or whose answer was lost may be tried again", async () => {
  await inject({ next: { refuseSubmissions: 1 } });
  await expect(queue.submit(request("0000000000000003"))).rejects.toThrow(TransientError);
  expect(await queue.findByName("0000000000000003-0-0", "spot")).toBeUndefined();
  await inject({ next: { loseAnswers: 1 } });
  await expect(queue.submit(request("0000000000000004"))).rejects.toThrow(TransientError);
  expect(await queue.findByName("0000000000000004-0-0", "spot")).toBeDefined();
});

const noCapacity =
  "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type [g5.xlarge]";

test("without capacity a job waits, and says so; when its time is over it fails, with a reason a person can read", async () => {
  await inject({ blocked: noCapacity });
  const { jobId } = await queue.submit(request("0000000000000005", 2));
  const [parent, child] = (await client.send(new DescribeJobsCommand({ jobs: [jobId, `${jobId}:0`] }))).jobs ?? [];
  // An array only pends; what it waits for is said by its children.
  expect([parent?.status, parent?.statusReason]).toEqual(["PENDING", undefined]);
  expect([child?.status, child?.statusReason]).toEqual(["RUNNABLE", noCapacity]);
  expect(await toldOf(`${jobId}:0`, "Batch Job Queue Blocked")).toMatchObject({ statusReason: noCapacity });
  await inject({ timeLimitsPass: true, blocked: null });
  expect(await finished(jobId)).toMatchObject({ state: "failed", reason: noCapacity });
});

test("what Batch takes no action for waits for ever", async () => {
  await inject({ blocked: "UNDETERMINED - Batch job is blocked, root cause is undetermined." });
  const { jobId } = await queue.submit(request("000000000000000a"));
  await inject({ timeLimitsPass: true });
  expect(await queue.describe(jobId)).toMatchObject({ state: "waiting" });
  await inject({ blocked: null });
  expect(await finished(jobId)).toMatchObject({ state: "succeeded" });
});

test("a job that a person ends is not tried again, and is told apart from one that failed", async () => {
  const { jobId } = await queue.submit(request("5000000000000002"));
  while ((await inject({}))["running"] === 0) await new Promise((resolve) => setTimeout(resolve, 25));
  await client.send(new CancelJobCommand({ jobId, reason: "too late for this" }));
  expect(await queue.describe(jobId)).toMatchObject({ state: "running" });
  await client.send(new TerminateJobCommand({ jobId, reason: "wrong images" }));
  await finished(jobId);
  const [job] = (await client.send(new DescribeJobsCommand({ jobs: [jobId] }))).jobs ?? [];
  expect(job).toMatchObject({ status: "FAILED", isTerminated: true, statusReason: "wrong images" });
  expect(job?.attempts).toHaveLength(1);
});

test("events tell every change of state, with the batch and the run; arrays end once", () => {
  const ofArray = events.filter(({ jobName }) => jobName === "0000000000000001-0-0");
  const ends = ofArray.filter(
    ({ status, arrayProperties }) =>
      status === "SUCCEEDED" && (arrayProperties as { index?: number }).index === undefined,
  );
  expect(ends).toHaveLength(1);
  expect(ends[0]).toMatchObject({
    arrayProperties: { size: 3, statusSummary: { SUCCEEDED: 3 } },
    parameters: { run: "0000000000000001", batch: "%C5%81%C3%B3d%C5%BA%201-2" },
  });
  expect(ofArray.length).toBeGreaterThan(10);
});

test("what Batch refuses, the stand-in refuses", async () => {
  const submit = (overrides: object): Promise<unknown> =>
    client.send(
      new SubmitJobCommand({
        jobName: "fine",
        jobQueue: "Spot",
        jobDefinition: "arn:aws:batch:eu-west-1:000000000000:job-definition/Worker:1",
        ...overrides,
      }),
    );
  await expect(submit({ jobName: "no spaces" })).rejects.toThrow(/not valid/);
  await expect(submit({ arrayProperties: { size: 1 } })).rejects.toThrow(/between 2 and 10000/);
  await expect(submit({ jobQueue: "Other" })).rejects.toThrow(/does not exist/);
  await expect(submit({ jobDefinition: "Other" })).rejects.toThrow(/does not exist/);
  await expect(submit({ parameters: { much: "x".repeat(31_000) } })).rejects.toThrow(/30 KiB/);
  await expect(queue.submit({ ...request("0000000000000006"), jobDefinition: "gone" })).rejects.toThrow(
    EnvironmentError,
  );
  expect((await client.send(new ListJobsCommand({ jobQueue: "Spot" }))).jobSummaryList).toEqual([]);
});
