import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Attempt, Job } from "./batch-job";

/**
 * What comes between a process and AWS Batch's instances: the credentials of its role, and someone to pull the plug.
 * A job's environment is its definition's, its submission's, AWS_BATCH_* and these credentials, and nothing else: what
 * AWS does not set (a region, for one) is not set here.
 */
export interface Surroundings {
  readonly workingFolder: string;
  /** As variables; with them comes the emulator's address. */
  credentials(roleArn: string): Promise<Readonly<Record<string, string>>>;
  /** Why the image cannot be pulled under this execution role; undefined where it can. */
  whyNotPulled(image: string, executionRoleArn: string | undefined): Promise<string | undefined>;
  log(line: string): void;
}

const graceMilliseconds = 2_000;
/** Without these no program starts: where programs are found, and a folder to write to. */
const programsNeed = ["PATH", "TMPDIR"] as const;

/** Runs one attempt of a job as a process of this machine, and ends it as a reclaimed instance or a full memory would. */
export class JobProcesses {
  private readonly running = new Map<Job, { readonly child: ChildProcess; ending?: string }>();

  constructor(private readonly surroundings: Surroundings) {}

  async attempt(job: Job): Promise<Attempt> {
    const { definition, submission, index, attempts } = job;
    const startedAt = Date.now();
    const why = await this.surroundings.whyNotPulled(definition.image, definition.executionRoleArn);
    if (why !== undefined)
      return {
        startedAt,
        stoppedAt: Date.now(),
        container: { reason: `CannotPullContainerError: ${why}` },
        statusReason: "Task failed to start",
      };
    const volume = definition.mounted.length > 0 ? mkdtempSync(path.join(os.tmpdir(), "cytolens-volume-")) : "";
    const [command, ...args] = definition.command;
    const child = spawn(command === "node" ? process.execPath : (command ?? "false"), args, {
      cwd: this.surroundings.workingFolder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...Object.fromEntries(programsNeed.map((name) => [name, process.env[name]])),
        ...(await this.surroundings.credentials(definition.roleArn)),
        ...Object.fromEntries(
          [...definition.environment, ...(submission.containerOverrides?.environment ?? [])].map(({ name, value }) => [
            name,
            // A process of this machine has no mounts: it is told of a folder of its own instead.
            definition.mounted.includes(value) ? volume : value,
          ]),
        ),
        AWS_BATCH_JOB_ID: job.jobId,
        AWS_BATCH_JOB_ATTEMPT: String(attempts.length + 1),
        ...(index === undefined ? {} : { AWS_BATCH_JOB_ARRAY_INDEX: String(index) }),
      },
    });
    const entry: { readonly child: ChildProcess; ending?: string } = { child };
    this.running.set(job, entry);
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) =>
        this.surroundings.log(
          `[${job.jobId.slice(0, 8)}${index === undefined ? "" : `:${index}`}] ${chunk.toString().trimEnd()}`,
        ),
      );
    const timer =
      definition.timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => this.end(job, "Job attempt duration exceeded timeout"), definition.timeoutSeconds * 1000);
    const exit = await new Promise<number>((resolve) => {
      child.once("error", () => resolve(127));
      child.once("close", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 143)));
    });
    clearTimeout(timer);
    if (volume !== "") rmSync(volume, { recursive: true, force: true });
    this.running.delete(job);
    return {
      startedAt,
      stoppedAt: Date.now(),
      // An instance that is gone leaves no exit code behind.
      container: entry.ending?.startsWith("Host EC2")
        ? {}
        : {
            exitCode: exit,
            ...(exit === 137 ? { reason: "OutOfMemoryError: Container killed due to memory usage" } : {}),
          },
      statusReason: entry.ending ?? "Essential container in task exited",
    };
  }

  /**
   * With notice: SIGTERM, then SIGKILL, as a terminated job is ended. Without: as a reclaimed instance goes, of which
   * ECS tells the tasks of Batch nothing. Answers whether the job was running.
   */
  end(job: Job, reason: string, atOnce = false): boolean {
    const entry = this.running.get(job);
    if (!entry) return false;
    entry.ending = reason;
    entry.child.kill(atOnce ? "SIGKILL" : "SIGTERM");
    setTimeout(() => entry.child.kill("SIGKILL"), graceMilliseconds).unref();
    return true;
  }

  /** As the kernel does when memory runs out. */
  killForMemory(job: Job): boolean {
    return this.running.get(job)?.child.kill("SIGKILL") ?? false;
  }

  get jobs(): Job[] {
    return [...this.running.keys()];
  }
}
