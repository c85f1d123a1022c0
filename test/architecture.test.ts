import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { differentiableOperators, gradientRules } from "../lib/autodiff/registry";
import { projectRoot } from "./reference";

/** What each room may import beside Node's own modules and its own files; what is not listed is not allowed. */
const allowed: Record<string, readonly string[]> = {
  "lib/contract": ["zod"],
  "lib/random": [],
  "lib/numeric": [],
  "lib/html": [],
  "lib/concurrency": [],
  "lib/storage": ["lib/contract", "@aws-sdk/client-s3", "@aws-sdk/lib-storage"],
  "lib/bucket": ["lib/concurrency", "lib/contract", "lib/storage", "zod"],

  "lib/onnx": ["lib/contract"],
  "lib/autodiff": ["lib/onnx", "lib/contract"],
  "lib/checkpoints": ["lib/onnx", "lib/contract"],
  "lib/networks": ["lib/onnx", "lib/checkpoints", "lib/contract", "lib/random"],
  "lib/attribution": ["lib/contract", "lib/random"],
  "lib/inference": [
    "lib/concurrency",
    "lib/onnx",
    "lib/autodiff",
    "lib/attribution",
    "lib/networks",
    "lib/contract",
    "onnxruntime-node",
  ],

  "lib/imaging": ["lib/contract"],
  "lib/imaging/decoding": ["lib/imaging", "lib/contract", "sharp"],
  "lib/imaging/preparing": ["lib/concurrency", "lib/imaging", "lib/imaging/decoding", "lib/contract"],
  "lib/imaging/drawing": ["lib/imaging", "lib/imaging/decoding", "lib/contract", "lib/numeric"],
  "lib/phantom": ["lib/contract", "lib/random", "sharp"],

  "lib/report": ["lib/concurrency", "lib/contract", "lib/html", "lib/imaging", "lib/imaging/drawing"],
  "lib/protocol": [
    "lib/concurrency",
    "lib/contract",
    "lib/storage",
    "lib/bucket",
    "lib/protocol/planning",
    "lib/protocol/collecting",
    "zod",
  ],
  "lib/protocol/planning": ["lib/contract", "lib/storage", "lib/bucket"],
  "lib/protocol/shard": ["lib/concurrency", "lib/contract", "lib/storage", "lib/bucket"],
  "lib/protocol/collecting": [
    "lib/concurrency",
    "lib/contract",
    "lib/storage",
    "lib/bucket",
    "lib/report",
    "lib/numeric",
  ],

  "lib/training": [
    "lib/concurrency",
    "lib/onnx",
    "lib/autodiff",
    "lib/networks",
    "lib/inference",
    "lib/imaging",
    "lib/imaging/preparing",
    "lib/html",
    "lib/contract",
    "lib/random",
    "zod",
  ],
  "lib/evaluation": [
    "lib/training",
    "lib/inference",
    "lib/imaging/preparing",
    "lib/html",
    "lib/contract",
    "lib/numeric",
    "lib/random",
  ],
  "lib/explaining": [
    "lib/attribution",
    "lib/inference",
    "lib/imaging",
    "lib/imaging/preparing",
    "lib/imaging/drawing",
    "lib/report",
    "lib/protocol/shard",
    "lib/contract",
  ],
  "lib/study": [
    "lib/attribution",
    "lib/inference",
    "lib/explaining",
    "lib/training",
    "lib/evaluation",
    "lib/imaging/preparing",
    "lib/imaging/drawing",
    "lib/phantom",
    "lib/html",
    "lib/contract",
  ],

  "lib/local": [
    "lib/concurrency",
    "lib/contract",
    "lib/storage",
    "lib/bucket",
    "lib/protocol",
    "lib/protocol/collecting",
    "lib/inference",
    "lib/networks",
    "lib/onnx",
  ],
  "lib/aws": [
    "lib/contract",
    "lib/storage",
    "lib/bucket",
    "lib/protocol",
    "lib/protocol/collecting",
    "zod",
    "@aws-sdk/client-s3",
    "@aws-sdk/client-batch",
    "@aws-sdk/client-sqs",
    "@aws-sdk/client-sns",
    "aws-lambda",
  ],
  "lib/infrastructure": ["lib/contract", "lib/aws", "zod", "aws-cdk-lib", "constructs", "cdk-nag"],
  lambdas: ["lib/aws", "aws-lambda"],
  containers: [
    "lib/contract",
    "lib/storage",
    "lib/bucket",
    "lib/protocol",
    "lib/protocol/shard",
    "lib/explaining",
    "lib/aws",
  ],
  bin: ["lib/cli", "lib/infrastructure"],
};

/** Rooms that the rooms around them are made of: their files count as the outer room's, except for what is named here. */
const innerRooms = Object.keys(allowed).filter((room) => room.split("/").length === 3);

/** The rooms of the protocol may see the ports, which are interfaces, of all that lies around them. */
const portsOnly = new Set(["lib/protocol/planning", "lib/protocol/collecting"]);

/** Within a room, the files that may import what the rest may not. */
const only: Record<string, string> = {
  "@aws-sdk/client-s3": "lib/storage/s3-store.ts",
  "@aws-sdk/lib-storage": "lib/storage/s3-store.ts",
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(path.join(projectRoot, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => path.relative(projectRoot, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function roomOf(file: string): string {
  const [first = "", second = "", ...rest] = file.split("/");
  if (first !== "lib") return first;
  return rest.length === 0 ? file : (innerRooms.find((room) => file.startsWith(`${room}/`)) ?? `lib/${second}`);
}

function importsOf(file: string): Import[] {
  // Examples in docstrings import as users do.
  const text = readFileSync(path.join(projectRoot, file), "utf8").replaceAll(/^ *\/\*\*[^]*?\*\/$/gm, "");
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(import|export)(\s+type)?[^;"']*?from\s+"([^"]+)"|(?:import|require)\(\s*"([^"]+)"\s*\)/g,
    ),
  ].flatMap(([, , typeOnly, from, dynamic]) => {
    const name = from ?? dynamic ?? "";
    if (name.startsWith("node:")) return [];
    const target = name.startsWith(".")
      ? `${path.posix.join(path.posix.dirname(file), name).replace(/\.js$/, "")}.ts`
      : name;
    const to = name.startsWith(".")
      ? roomOf(target)
      : name
          .split("/")
          .slice(0, name.startsWith("@") ? 2 : 1)
          .join("/");
    return [{ file, target, to, typeOnly: typeOnly !== undefined }];
  });
}

const files = ["lib", "bin", "lambdas", "containers"].flatMap(sources);
const imports = files.flatMap(importsOf);

test.each(Object.entries(allowed))("%s imports what it may and nothing else", (room, may) => {
  const own = imports.filter(({ file }) => roomOf(file) === room);
  expect(own.length + files.filter((file) => roomOf(file) === room).length).toBeGreaterThan(0);
  const mayNot = own.filter(
    ({ to, target }) =>
      to !== room && !may.includes(to) && !(portsOnly.has(room) && target === "lib/protocol/ports.ts"),
  );
  expect(mayNot).toEqual([]);
});

test("every room has its rule; the command line and the public face may compose anything but the cloud's packages", () => {
  const free = new Set(["lib/cli", "lib/index.ts"]);
  expect([...new Set(files.map(roomOf))].filter((room) => !(room in allowed) && !free.has(room))).toEqual([]);
  expect(
    imports.filter(
      ({ file, to }) => free.has(roomOf(file)) && /^(@aws-sdk|aws-cdk|constructs|onnxruntime|sharp)/.test(to),
    ),
  ).toEqual([]);
});

/** All that a file pulls in, types left aside. */
function reachedFrom(start: string): Set<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    open.push(
      ...imports
        .filter((one) => one.file === file && !one.typeOnly && one.target.endsWith(".ts"))
        .map(({ target }) => target),
    );
  }
  return reached;
}

test("a worker carries nothing of planning and collecting, and a planner nothing of a worker", () => {
  const worker = reachedFrom("lib/protocol/shard/run-shard.ts");
  expect(worker.size).toBeGreaterThan(10);
  expect([...worker].filter((file) => /^lib\/protocol\/(planning|collecting)\//.test(file))).toEqual([]);
  const planner = reachedFrom("lib/protocol/plan-batch.ts");
  expect(
    [...planner].filter((file) => /^lib\/(protocol\/shard|inference|attribution|autodiff|onnx|training)\//.test(file)),
  ).toEqual([]);
});

test("no file imports itself by way of others, types included", () => {
  const targets = new Map(
    files.map((file) => [
      file,
      [
        ...new Set(
          imports.filter((one) => one.file === file && one.target.endsWith(".ts")).map(({ target }) => target),
        ),
      ],
    ]),
  );
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) {
      circles.push([...trail.slice(at), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const target of targets.get(file) ?? []) walk(target, [...trail, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  expect(circles).toEqual([]);
});

test("every import of a file of ours names one that is there", () => {
  const known = new Set(files);
  expect(
    imports
      .filter(({ target }) => target.endsWith(".ts") && !known.has(target))
      .map(({ file, target }) => `${file}: ${target}`),
  ).toEqual([]);
});

test("no two files of lib have one name", () => {
  const first = new Map<string, string>();
  const twins = files
    .filter((file) => file.startsWith("lib/"))
    .flatMap((file) => {
      const name = path.posix.basename(file);
      const twin = first.get(name);
      first.set(name, file);
      return twin === undefined ? [] : [[twin, file]];
    });
  expect(twins).toEqual([]);
});

/** The file an operator's rule lies in: GatherND in gather-nd. */
const asFile = (operator: string): string =>
  operator
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();

test("every rule file in gradients is registered, and every registered operator has a file of its name", () => {
  const ruleFiles = files.filter((file) => file.startsWith("lib/autodiff/gradients/"));
  const registered = new Set(
    imports
      .filter(({ file }) => file === "lib/autodiff/registry.ts")
      .map(({ target }) => target)
      .filter((target) => target.startsWith("lib/autodiff/gradients/")),
  );
  expect(ruleFiles.filter((file) => !registered.has(file))).toEqual([]);
  expect(differentiableOperators.length).toBeGreaterThan(100);
  expect(
    differentiableOperators.filter((operator) => !ruleFiles.includes(`lib/autodiff/gradients/${asFile(operator)}.ts`)),
  ).toEqual([]);
  expect(ruleFiles).toHaveLength(Object.keys(gradientRules).length);
});

test("a package that one file stands for is imported there alone in its room", () => {
  for (const [name, file] of Object.entries(only)) {
    expect(
      imports.filter(({ to, file: from }) => to === name && roomOf(from) === roomOf(file) && from !== file),
    ).toEqual([]);
  }
});

test("onnxruntime is loaded in one place, after its telemetry is off", () => {
  expect([
    ...new Set(imports.filter(({ to, typeOnly }) => to === "onnxruntime-node" && !typeOnly).map(({ file }) => file)),
  ]).toEqual(["lib/inference/runtime.ts"]);
});

test("no barrel files in lib but the public face", () => {
  const barrels = files
    .filter((file) => file !== "lib/index.ts" && file.startsWith("lib/"))
    .filter((file) => {
      const code = readFileSync(path.join(projectRoot, file), "utf8")
        .replace(/\/\*[^]*?\*\/|\/\/.*/g, "")
        .replace(/export\s+(type\s+)?(\*|\{[^}]*\})[^;]*from\s+"[^"]+";/g, "");
      return code.trim() === "";
    });
  expect(barrels).toEqual([]);
});

const isCommand = (file: string): boolean => /^lib\/cli\/[\w-]+-command\.ts$/.test(file);

test("a command imports no other command, but for its own subcommands", () => {
  const across = imports.filter(({ file, target }) => isCommand(file) && isCommand(target));
  expect(files.filter(isCommand).length).toBeGreaterThan(10);
  expect(
    across.filter(({ file, target }) => !target.startsWith(file.replace("-command.ts", "-"))).map(({ file }) => file),
  ).toEqual([]);
});

test("object keys are made in the contract alone", () => {
  const elsewhere = files
    .filter((file) => !/^lib\/(contract|infrastructure)\//.test(file))
    .filter((file) =>
      /[`"'](incoming|runs|results|models)\/\$\{/.test(readFileSync(path.join(projectRoot, file), "utf8")),
    );
  expect(elsewhere).toEqual([]);
});

test("the lock file names no registry and no machine", () => {
  const lock = readFileSync(path.join(projectRoot, "package-lock.json"), "utf8");
  expect(lock).not.toMatch(/"resolved": "http/);
  expect(lock).not.toMatch(/registry\./);
});

test("Python stays where it belongs: the emulator's launcher and the comparisons of the benchmarks", () => {
  const tracked = execFileSync("git", ["ls-files", "*.py"], { cwd: projectRoot, encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
  expect(tracked.filter((file) => !/^(test\/emulator|bench)\//.test(file))).toEqual([]);
});
