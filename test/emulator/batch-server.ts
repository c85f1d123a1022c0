import http from "node:http";
import { z } from "zod";
import { detailOf, type Job, type JobDefinition, type Submission } from "./batch-job";
import { BatchQueue, ClientError } from "./batch-queue";
import { JobProcesses, type Surroundings } from "./job-processes";
import {
  computeEnvironmentFrom,
  jobDefinitionFrom,
  jobQueueFrom,
  type QueueDefinition,
  type ResourceRequest,
} from "./batch-resources";

/**
 * A small AWS Batch: SubmitJob, DescribeJobs, ListJobs, TerminateJob and CancelJob over HTTP, run as processes.
 * Besides, resources from CloudFormation (/resources/…) and the faults a test may ask for (/faults).
 */
export class BatchServer {
  readonly queue: BatchQueue;
  readonly processes: JobProcesses;
  private readonly definitions = new Map<string, JobDefinition>();
  private readonly queues = new Map<string, QueueDefinition>();
  private readonly server: http.Server;
  private readonly faults = { refuseSubmissions: 0, loseAnswers: 0, loseEvents: 0, repeatEvents: 0 };
  private events: Promise<unknown> = Promise.resolve();

  constructor(
    surroundings: Surroundings,
    private readonly publish: (detail: Record<string, unknown>, type: EventType) => Promise<void>,
    concurrency = 2,
  ) {
    this.processes = new JobProcesses(surroundings);
    this.queue = new BatchQueue(
      this.processes,
      concurrency,
      (detail) => this.tell(detail),
      (detail) => this.send(detail, "Batch Job Queue Blocked"),
    );
    this.server = http.createServer((request, response) => void this.answer(request, response));
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    return (this.server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    this.queue.paused = true;
    for (const job of this.processes.jobs) this.processes.end(job, "closing", true);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.events;
  }

  private tell(detail: Record<string, unknown>): void {
    const terminal =
      (detail["status"] === "SUCCEEDED" || detail["status"] === "FAILED") &&
      (detail["arrayProperties"] as { index?: number } | undefined)?.index === undefined;
    let copies = 1;
    if (terminal && this.faults.loseEvents > 0) {
      this.faults.loseEvents--;
      copies = 0;
    }
    if (terminal && this.faults.repeatEvents > 0) {
      this.faults.repeatEvents--;
      copies = 3;
    }
    for (let copy = 0; copy < copies; copy++) this.send(detail, "Batch Job State Change");
  }

  private send(detail: Record<string, unknown>, type: EventType): void {
    this.events = this.events.then(() => this.publish(detail, type)).catch(() => undefined);
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const send = (status: number, body: unknown, type?: string): void => {
      response.writeHead(status, { "content-type": "application/json", ...(type ? { "x-amzn-errortype": type } : {}) });
      response.end(JSON.stringify(type ? { __type: type, ...(body as object) } : body));
    };
    try {
      const body: unknown = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString("utf8")) : {};
      const found = this.route((request.url ?? "/").toLowerCase(), body);
      if (found === "lost") send(503, { message: "Service Unavailable" }, "ServerException");
      else send(200, found);
    } catch (error) {
      if (error instanceof Throttled) send(429, { message: error.message }, "TooManyRequestsException");
      else send(400, { message: (error as Error).message }, "ClientException");
    }
  }

  private route(path: string, body: unknown): unknown {
    if (path.startsWith("/resources/"))
      return { arn: this.resource(path.slice("/resources/".length), body as ResourceRequest) };
    switch (path) {
      case "/v1/submitjob":
        return this.submit(body as Submission);
      case "/v1/describejobs":
        return { jobs: (body as { jobs: string[] }).jobs.flatMap((id) => this.queue.jobs.get(id) ?? []).map(detailOf) };
      case "/v1/listjobs":
        return { jobSummaryList: this.list(body as ListRequest).map(detailOf) };
      case "/v1/terminatejob":
      case "/v1/canceljob": {
        const { jobId, reason } = body as { jobId: string; reason: string };
        this.queue.stop(this.jobOf(jobId), reason, { running: path.endsWith("terminatejob") });
        return {};
      }
      case "/faults":
        return this.inject(faultRequest.parse(body));
      default:
        throw new ClientError(`Expected a Batch call but received ${path}`);
    }
  }

  private submit(submission: Submission): unknown {
    if (this.faults.refuseSubmissions > 0) {
      this.faults.refuseSubmissions--;
      throw new Throttled("Too Many Requests");
    }
    const jobQueue = this.queues.get(nameIn(submission.jobQueue))?.arn;
    if (jobQueue === undefined) throw new ClientError(`Job queue ${submission.jobQueue} does not exist`);
    const definition = this.definitions.get(submission.jobDefinition);
    const job = this.queue.submit({ ...submission, jobQueue }, definition);
    if (this.faults.loseAnswers > 0) {
      this.faults.loseAnswers--;
      return "lost";
    }
    return { jobId: job.jobId, jobName: submission.jobName, jobArn: detailOf(job)["jobArn"] };
  }

  /** As Batch does: RUNNING only unless a status or a filter is given; children only under their array. */
  private list({ jobQueue, arrayJobId, jobStatus, filters = [] }: ListRequest): Job[] {
    const name = filters.find((filter) => filter.name === "JOB_NAME")?.values[0];
    const all =
      arrayJobId === undefined
        ? [...this.queue.jobs.values()].filter(
            ({ index, submission }) => index === undefined && nameIn(submission.jobQueue) === nameIn(jobQueue ?? ""),
          )
        : [...this.jobOf(arrayJobId).children];
    if (name !== undefined) return all.filter(({ submission }) => submission.jobName === name);
    return all.filter(({ status }) => status === (jobStatus ?? "RUNNING"));
  }

  private resource(kind: string, request: ResourceRequest): string {
    if (kind === "job-definition") {
      const definition = jobDefinitionFrom(request, this.definitions);
      this.definitions.set(definition.arn, definition);
      return definition.arn;
    }
    if (kind === "compute-environment") return computeEnvironmentFrom(request);
    const queue = jobQueueFrom(request);
    this.queues.set(request.logicalId, queue);
    return queue.arn;
  }

  private inject(fault: z.infer<typeof faultRequest>): unknown {
    Object.assign(this.faults, fault.next ?? {});
    // Before any of them may start: what waits is cancelled, not what runs.
    if (fault.timeLimitsPass)
      this.queue.passTimeLimits((arn) => this.queues.get(nameIn(arn))?.cancelledFor ?? new Set());
    if (fault.blocked !== undefined) this.queue.block(fault.blocked ?? undefined);
    if (fault.paused !== undefined) this.queue.paused = fault.paused;
    this.queue.pump();
    const running = this.processes.jobs;
    if (fault.reclaim)
      for (const job of running)
        this.processes.end(job, "Host EC2 (instance i-0123456789abcdef0) terminated.", fault.reclaim !== "with-notice");
    if (fault.outOfMemory) for (const job of running) this.processes.killForMemory(job);
    return {
      running: running.length,
      jobs: [...this.queue.jobs.values()].filter(({ index }) => index === undefined).map(detailOf),
    };
  }

  private jobOf(jobId: string): Job {
    const job = this.queue.jobs.get(jobId);
    if (!job) throw new ClientError(`Job ${jobId} does not exist`);
    return job;
  }
}

export type EventType = "Batch Job State Change" | "Batch Job Queue Blocked";

class Throttled extends Error {}

interface ListRequest {
  readonly jobQueue?: string;
  readonly arrayJobId?: string;
  readonly jobStatus?: string;
  readonly filters?: readonly { readonly name: string; readonly values: readonly string[] }[];
}

const count = z.number().int().min(0);
const faultRequest = z.strictObject({
  /** How many of the next of each go wrong. */
  next: z
    .strictObject({ refuseSubmissions: count, loseAnswers: count, loseEvents: count, repeatEvents: count })
    .partial()
    .optional(),
  paused: z.boolean().optional(),
  /** Without a word, unless a host of one's own makes it otherwise. */
  reclaim: z.union([z.literal(true), z.literal("with-notice")]).optional(),
  outOfMemory: z.boolean().optional(),
  /** Why nothing starts, until null is sent; "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - …" for one. */
  blocked: z.string().nullable().optional(),
  /** The time a job may be RUNNABLE is over: Batch cancels what its queue names a limit for, and nothing else. */
  timeLimitsPass: z.boolean().optional(),
});
export type FaultRequest = z.input<typeof faultRequest>;

const nameIn = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);
