import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { submissionEnvironment } from "../contract/worker-environment";
import { workerExitCodes } from "../contract/worker-exit-codes";
import type { JobFacts, JobQueue, JobRequest } from "../protocol/ports";

export interface ProcessQueueOptions {
  readonly folder: string;
  /** Worker processes at once. */
  readonly workers: number;
  readonly provider?: "cpu" | "cuda" | undefined;
  readonly threads?: number | undefined;
  /** Where gradient graphs are kept between processes. */
  readonly cacheFolder?: string | undefined;
  readonly workerFile?: string | undefined;
}

/** As the stack's job definition has it: only what looks like a killed machine is tried again. */
const attempts = 3;
const patienceMilliseconds = 60_000;

interface Job {
  readonly jobId: string;
  readonly request: JobRequest;
  readonly endings: ("succeeded" | string | undefined)[];
  attempts: number;
  started: boolean;
}

interface Shard {
  readonly job: Job;
  readonly index: number;
  readonly attempt: number;
}

interface QueueEvents {
  /** An item was settled. */
  item: [status: string, request: JobRequest];
  /** Every shard of a job has ended. */
  job: [facts: JobFacts, request: JobRequest];
  /** A worker process has ended. */
  ended: [];
}

/** The laptop's AWS Batch: a process for each shard, a few at a time, tried again when killed. Jobs live as long as this process. */
export class ProcessQueue extends EventEmitter<QueueEvents> implements JobQueue {
  private readonly jobs = new Map<string, Job>();
  private readonly waiting: Shard[] = [];
  private readonly running = new Set<ChildProcess>();
  private stopped = false;

  constructor(private readonly options: ProcessQueueOptions) {
    super();
  }

  submit(request: JobRequest): Promise<{ readonly jobId: string }> {
    const job: Job = {
      jobId: `${thisProcess()}-${randomUUID()}`,
      request,
      endings: Array.from({ length: request.size }, () => undefined),
      attempts: 0,
      started: false,
    };
    this.jobs.set(job.jobId, job);
    for (let index = 0; index < request.size; index++) this.waiting.push({ job, index, attempt: 1 });
    setImmediate(() => this.startMore());
    return Promise.resolve({ jobId: job.jobId });
  }

  findByName(name: string): Promise<JobFacts | undefined> {
    const found = [...this.jobs.values()].findLast(({ request }) => request.name === name);
    return Promise.resolve(found && factsOf(found));
  }

  describe(jobId: string): Promise<JobFacts | undefined> {
    const found = this.jobs.get(jobId);
    if (found) return Promise.resolve(factsOf(found));
    return Promise.resolve(isOfLivingProcess(jobId) ? { jobId, name: "", state: "running" } : undefined);
  }

  /** Resolves when nothing is waiting or running. */
  async idle(): Promise<void> {
    while (this.waiting.length > 0 || this.running.size > 0) {
      await new Promise((resolve) => {
        this.once("ended", () => resolve(undefined));
      });
    }
  }

  /** Asks the workers to finish what is in flight and write it down; resolves when they have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.waiting.length = 0;
    const ends = [...this.running].map(
      (child) =>
        new Promise<void>((resolve) => {
          child.once("exit", () => resolve());
          child.kill("SIGTERM");
          setTimeout(() => child.kill("SIGKILL"), patienceMilliseconds).unref();
        }),
    );
    await Promise.all(ends);
  }

  private startMore(): void {
    while (!this.stopped && this.running.size < this.options.workers) {
      const next = this.waiting.shift();
      if (!next) return;
      this.start(next);
    }
  }

  private start(shard: Shard): void {
    const { job, index, attempt } = shard;
    job.started = true;
    job.attempts++;
    const child = fork(this.options.workerFile ?? workerFile, {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: this.environmentFor(shard),
    });
    this.running.add(child);
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-4000);
    });
    child.on("message", (news: { status: string }) => this.emit("item", news.status, job.request));
    child.once("error", (error) => {
      said += error.message;
    });
    child.once("close", (code, signal) => {
      this.running.delete(child);
      const killed = code === workerExitCodes.killedForMemory || signal === "SIGKILL";
      if (killed && attempt < attempts && !this.stopped) this.waiting.push({ job, index, attempt: attempt + 1 });
      else this.end(job, index, code === 0 ? "succeeded" : reasonOf(code, signal, said));
      this.startMore();
      this.emit("ended");
    });
  }

  private end(job: Job, index: number, ending: string): void {
    job.endings[index] = ending;
    if (job.endings.every((one) => one !== undefined)) this.emit("job", factsOf(job), job.request);
  }

  private environmentFor({ job: { request }, index, attempt }: Shard): NodeJS.ProcessEnv {
    const { folder, provider = "cpu", threads, cacheFolder } = this.options;
    return {
      ...process.env,
      ORT_DISABLE_TELEMETRY: "1",
      ...submissionEnvironment({
        batch: request.batch,
        run: request.run,
        number: request.dispatch.number,
        part: request.dispatch.part,
      }),
      CYTOLENS_BUCKET: pathToFileURL(path.resolve(folder)).href,
      CYTOLENS_PROVIDER: provider,
      AWS_BATCH_JOB_ARRAY_INDEX: String(index),
      AWS_BATCH_JOB_ATTEMPT: String(attempt),
      ...(threads === undefined ? {} : { CYTOLENS_THREADS: String(threads) }),
      ...(cacheFolder === undefined ? {} : { CYTOLENS_CACHE: cacheFolder }),
    };
  }
}

const workerFile = path.join(__dirname, "..", "..", "containers", "worker", "main.js");

function factsOf({ jobId, request, endings, attempts: made, started }: Job): JobFacts {
  const identity = { jobId, name: request.name, attempts: made };
  if (endings.includes(undefined)) return { ...identity, state: started ? "running" : "waiting" };
  const reasons = [...new Set(endings.filter((ending) => ending !== "succeeded"))];
  return reasons.length === 0
    ? { ...identity, state: "succeeded" }
    : { ...identity, state: "failed", reason: reasons.join("; ") };
}

function reasonOf(code: number | null, signal: string | null, said: string): string {
  if (code === workerExitCodes.interrupted || signal === "SIGTERM") return "The worker was interrupted";
  const lastLine = said.trim().split("\n").at(-1) ?? "";
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(lastLine)?.[1] ?? lastLine;
  const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
  return `A worker ${how}${message ? `: ${message}` : ""}`;
}

/** Jobs of a process that is gone, or of before the machine was started again, are forgotten. */
const bootedAt = (): number => Math.round((Date.now() / 1000 - os.uptime()) / 60);
const thisProcess = (): string => `local-${process.pid}-${bootedAt()}`;

function isOfLivingProcess(jobId: string): boolean {
  const [, pid, booted] = /^local-(\d+)-(\d+)-/.exec(jobId) ?? [];
  if (Number(pid) === process.pid || Math.abs(Number(booted) - bootedAt()) > 1) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
}
