import { execFileSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";
import path from "node:path";
import { batchResultsPrefix } from "../../lib/contract/object-keys";
import { listAll } from "../../lib/storage/object-store";
import { prepareShard, type PreparedShard } from "./shard-in-a-folder";

export interface PodmanResult {
  readonly status: number;
  readonly output: string;
}

interface Surroundings {
  readonly podman: (args: readonly string[]) => PodmanResult;
  readonly image: string;
}

/** As a Batch job runs, and a little stricter: AWS Batch cannot drop capabilities, the cloud's jobs do reach the network. */
const hardened = [
  "run",
  "--rm",
  "--pull",
  "never",
  "--network",
  "none",
  "--read-only",
  "--read-only-tmpfs=false",
  "--tmpfs",
  "/tmp:rw,noexec,nosuid,nodev,size=64m",
  "--cap-drop",
  "all",
  "--security-opt",
  "no-new-privileges",
  "--memory",
  "1024m",
  "--memory-swap",
  "1024m",
  "--pids-limit",
  "128",
];
const uid = 10001;

export interface Check {
  readonly name: string;
  readonly error?: string;
}

/** Runs the image as a job would be run; answers what held and what did not. */
export async function checks({ podman, image }: Surroundings): Promise<Check[]> {
  const done: Check[] = [];
  const check = async (name: string, body: () => void | Promise<void>): Promise<void> => {
    try {
      await body();
      done.push({ name });
    } catch (error) {
      done.push({ name, error: (error as Error).message.slice(0, 2000) });
    }
  };
  const node = (script: string, options: readonly string[] = []): PodmanResult =>
    podman([...hardened, ...options, image, "node", "-e", script]);
  const work = (
    { folder, environment }: PreparedShard,
    extra: Readonly<Record<string, string>> = {},
    options: readonly string[] = [],
    command: readonly string[] = [],
  ): PodmanResult =>
    podman([
      ...hardened,
      ...options,
      "-v",
      `${folder}:/bucket:rw`,
      ...Object.entries({ ...environment, ...extra }).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
      image,
      ...command,
    ]);

  const shard = await prepareShard("container", 3, { methods: ["gradient", "grad-cam"] });
  give(shard.folder);
  await check("the real worker finishes a real shard, and leaves no telemetry behind", async () => {
    const { status, output } = work(
      shard,
      {},
      [],
      [
        "sh",
        "-c",
        "node dist/containers/worker/main.js; code=$?; find /tmp -mindepth 1 | sed 's/^/left: /'; exit $code",
      ],
    );
    expectThat(status === 0, `exit 0 of the worker, not ${status}: ${output}`);
    expectThat(!/left: .*[Mm]icrosoft/.test(output), `no telemetry under /tmp: ${output}`);
    const results = await resultsOf(shard);
    expectThat(results.length === 3, `3 results in the bucket, not ${results.length}`);
    expectThat(statSync(path.join(shard.folder, "results")).uid === uid, "results written by the user of the image");
  });
  await check("a shard that is done is not done again", () => {
    const { status, output } = work(shard);
    expectThat(status === 0, `exit 0, not ${status}: ${output}`);
  });
  await check("the user is no root, and has no capabilities and no way to new ones", () => {
    const { output } = node(
      "const s=require('fs').readFileSync('/proc/self/status','utf8');console.log(process.getuid(),process.getgid(),/CapEff:\\s*(\\w+)/.exec(s)[1],/NoNewPrivs:\\s*(\\d)/.exec(s)[1])",
    );
    expectThat(
      output.trim() === `${uid} ${uid} 0000000000000000 1`,
      `uid, gid, capabilities, no_new_privs ${uid} ${uid} 0 1, not ${output}`,
    );
    const { output: user } = podman(["inspect", "--format", "{{.Config.User}}", image]);
    expectThat(user.trim() === `${uid}:${uid}`, `the image's user to be ${uid}, not ${user}`);
  });
  await check("the root file system is read-only, and nothing in /tmp can be executed", () => {
    const { output } = node(
      "const fs=require('fs');const t=f=>{try{f();return 'yes'}catch(e){return e.code}};fs.copyFileSync('/bin/true','/tmp/true');fs.chmodSync('/tmp/true',0o755);console.log(t(()=>fs.writeFileSync('/app/x','')),t(()=>fs.writeFileSync('/etc/x','')),t(()=>fs.writeFileSync('/var/tmp/x','')),t(()=>require('child_process').execFileSync('/tmp/true')))",
    );
    expectThat(/^(EROFS|EACCES) (EROFS|EACCES) EROFS EACCES$/.test(output.trim()), `refusals, not ${output}`);
  });
  await check("there is no network", () => {
    const { output } = node("console.log(Object.keys(require('os').networkInterfaces()).filter(n=>n!=='lo').length)");
    expectThat(output.trim() === "0", `no interface, not ${output}`);
  });
  await check("memory ends at the limit, with exit code 137", () => {
    const { status } = node("const a=[];for(;;)a.push(Buffer.alloc(16<<20,1))", [
      "--memory",
      "128m",
      "--memory-swap",
      "128m",
    ]);
    expectThat(status === 137, `exit 137, not ${status}`);
  });
  const forCuda = await prepareShard("cuda", 2, { methods: ["gradient"] });
  give(forCuda.folder);
  await check("a job for CUDA without CUDA fails loudly, and computes nothing on the CPU", async () => {
    const { status, output } = work(forCuda, { CYTOLENS_PROVIDER: "cuda" });
    expectThat(status !== 0 && /CUDA/i.test(output), `a failure that speaks of CUDA, not ${status}: ${output}`);
    expectThat((await resultsOf(forCuda)).length === 0, "no result");
  });
  clear(forCuda);
  await check("a job without its environment says what is missing", () => {
    const { status, output } = podman([...hardened, image]);
    expectThat(status === 2 && output.includes("CYTOLENS_BUCKET"), `exit 2 and the names, not ${status}: ${output}`);
  });
  await check("the image holds its SBOM and none of the developers' packages", () => {
    const { output } = node(
      "console.log(JSON.stringify([JSON.parse(require('fs').readFileSync('/app/sbom.cdx.json','utf8')).components.map(c=>c.name),require('fs').readdirSync('/app/node_modules')]))",
    );
    const [listed, installed] = JSON.parse(output) as [string[], string[]];
    for (const name of ["onnxruntime-node", "sharp", "zod"])
      expectThat(listed.includes(name) && installed.includes(name), `${name} in image and SBOM`);
    for (const name of ["jest", "typescript", "aws-cdk-lib", "esbuild"])
      expectThat(!listed.includes(name) && !installed.includes(name), `no ${name}`);
  });
  await interrupted(check, podman, image, work);
  clear(shard);
  return done;
}

type Work = (
  shard: PreparedShard,
  extra?: Readonly<Record<string, string>>,
  options?: readonly string[],
) => PodmanResult;

/** SIGTERM in mid-shard, as a Spot reclaim sends it; then the next attempt. */
async function interrupted(
  check: (name: string, body: () => Promise<void>) => Promise<void>,
  podman: Surroundings["podman"],
  image: string,
  work: Work,
): Promise<void> {
  const shard = await prepareShard("interrupted", 24, { methods: [{ name: "integrated-gradients", steps: 64 }] });
  give(shard.folder);
  await check("SIGTERM ends the worker in time, and the next attempt finishes the shard", async () => {
    const detached = hardened.filter((word) => word !== "--rm");
    const environment = Object.entries(shard.environment).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const id =
      podman([...detached, "--detach", "-v", `${shard.folder}:/bucket:rw`, ...environment, image])
        .output.trim()
        .split("\n")
        .at(-1) ?? "";
    for (let tries = 0; tries < 300 && (await resultsOf(shard)).length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    podman(["kill", "--signal", "TERM", id]);
    const code = podman(["wait", id]).output.trim();
    const before = (await resultsOf(shard)).length;
    podman(["rm", "--force", id]);
    expectThat(
      code === "143" && before > 0 && before < shard.images,
      `exit 143 with some of ${shard.images} results, not ${code} with ${before}`,
    );
    const { status, output } = work(shard, { AWS_BATCH_JOB_ATTEMPT: "2" });
    const after = await resultsOf(shard);
    expectThat(
      status === 0 && after.length === shard.images && new Set(after).size === after.length,
      `all ${shard.images} results, each once, not ${after.length}: ${output}`,
    );
  });
  clear(shard);
}

async function resultsOf({ store, batch }: PreparedShard): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of listAll(store, `${batchResultsPrefix(batch)}images/`))
    if (key.endsWith("/result.json")) found.push(key);
  return found;
}

/** The bucket belongs to the image's user. */
function give(folder: string): void {
  execFileSync("chown", ["-R", `${uid}:${uid}`, folder]);
}

function clear({ folder }: PreparedShard): void {
  for (const made of [folder, `${folder}-model`]) rmSync(made, { recursive: true, force: true });
}

function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Expected ${what}`);
}
