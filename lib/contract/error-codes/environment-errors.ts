import type { CodeTable } from "./code-table";

/** Codes of EnvironmentError. */
export const environmentErrors = {
  "aws.denied": {
    means: "AWS denied a call.",
    remedy: "Check the credentials and the role's policy.",
  },
  "aws.handler-environment": {
    means: "A Lambda function lacks variables that the stack sets.",
    remedy: "Deploy the stack again.",
  },
  "aws.no-job-definition": {
    means: "A job was to be submitted but neither the plan nor the process names a job definition.",
    remedy: "Submit through the stack's planner, or deploy the stack again.",
  },
  "aws.no-region": {
    means: "No AWS region is configured.",
    remedy: "Set `AWS_REGION`, or configure a profile.",
  },
  "aws.refused": {
    means: "AWS answered a call with an error that another try would not change.",
    remedy: "Read the message: it names the call and the error of AWS.",
  },
  "memory.exhausted": {
    means: "Memory does not suffice for one image at a time.",
    remedy: "Use a machine or graphics card with more memory, or a smaller model.",
  },
  "plan.damaged": {
    means: "A run's list of images does not hold as many as its plan says.",
    remedy: "Undo the change if somebody edited `runs/`; else upload the images again under another batch name.",
  },
  "provider.unavailable": {
    means: "The device asked for, such as CUDA, is not there or cannot be used.",
    remedy: "Install its drivers and libraries, or compute on the CPU.",
  },
  "reconcile.incomplete": {
    means: "The reconciler could not look at some batches.",
    remedy: "Read its log, which has one line for each of them with the reason.",
  },
  "runtime.unavailable": {
    means: "The runtime, onnxruntime, cannot be loaded on this machine.",
    remedy: "Install the packages anew, on a platform that onnxruntime-node supports.",
  },
  "storage.credentials": {
    means: "S3 did not accept the credentials, or there are none.",
    remedy: "Configure credentials, or sign in again.",
  },
  "storage.damaged-document": {
    means: "A document in the bucket is not what was written there, or of a version that is not known.",
    remedy: "Undo the change if somebody edited it; else use the newest version of Cytolens.",
  },
  "storage.denied": {
    means: "Reading or writing was denied by S3 or by the file system.",
    remedy: "Check the role's policy, the bucket's policy and key, or the permissions of the folder.",
  },
  "storage.failed": {
    means: "A file could not be read or written, for a reason other than room and permission.",
    remedy: "Read the message: it holds the operating system's reason.",
  },
  "storage.full": {
    means: "The disk is full.",
    remedy: "Make room and start again; what was written before is whole.",
  },
  "storage.no-bucket": {
    means: "There is no bucket of this name.",
    remedy: "Correct the name.",
  },
  "storage.refused": {
    means: "S3 answered a request with an error that another try would not change.",
    remedy: "Read the message: it names the object and the answer.",
  },
  "training.samples": {
    means: "The thread that prepares training images met an error that it has no name for.",
    remedy: "Read the message; if it does not help, open an issue with it.",
  },
  "worker.engine-version": {
    means: "The run was planned by another version of Cytolens than the worker's.",
    remedy: "Run the version that planned it, or upload again what is not done, to be planned anew.",
  },
  "worker.no-shard": {
    means: "A worker's variables name a part of a run that does not exist.",
    remedy: "Let the pipeline submit the jobs.",
  },
  "worker.not-open": {
    means: "A worker took up an image before its model was open.",
    remedy: "Open an issue with the worker's log.",
  },
} satisfies CodeTable;
