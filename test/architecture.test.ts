import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "./reference";

/** What each room may import, beside Node's own modules; what is not listed is not allowed. */
const allowed: Record<string, readonly string[]> = {
  "lib/contract": ["zod"],
  "lib/random": [],
  "lib/onnx": ["lib/contract"],
  "lib/autodiff": ["lib/onnx", "lib/contract"],
  "lib/networks": ["lib/onnx", "lib/contract", "lib/random"],
  "lib/attribution": ["lib/contract", "lib/random"],
  "lib/imaging": ["lib/contract", "sharp"],
  "lib/phantom": ["lib/contract", "lib/random", "sharp"],
  "lib/inference": ["lib/onnx", "lib/autodiff", "lib/attribution", "lib/networks", "lib/contract", "onnxruntime-node"],
  "lib/training": ["lib/onnx", "lib/autodiff", "lib/networks", "lib/inference", "lib/imaging", "lib/phantom", "lib/report", "lib/contract", "lib/random", "zod"],
  "lib/evaluation": ["lib/training", "lib/inference", "lib/imaging", "lib/attribution", "lib/phantom", "lib/report", "lib/contract", "lib/random"],
  "lib/storage": ["lib/contract", "@aws-sdk/client-s3", "@aws-sdk/lib-storage"],
  "lib/report": ["lib/contract", "lib/imaging"],
  "lib/pipeline": ["lib/contract", "lib/storage", "lib/imaging", "lib/inference", "lib/attribution", "lib/report", "lib/training", "lib/evaluation", "lib/phantom", "zod"],
  "lib/local": ["lib/contract", "lib/storage", "lib/pipeline", "lib/inference", "lib/networks", "lib/onnx"],
  "lib/aws": ["lib/contract", "lib/storage", "lib/pipeline", "zod", "@aws-sdk/client-s3", "@aws-sdk/client-batch", "@aws-sdk/client-sqs", "@aws-sdk/client-sns", "aws-lambda"],
  "lib/infrastructure": ["lib/contract", "lib/aws", "zod", "aws-cdk-lib", "constructs", "cdk-nag"],
  lambdas: ["lib/aws", "lib/pipeline", "lib/contract", "aws-lambda"],
  containers: ["lib/contract", "lib/storage", "lib/pipeline", "lib/aws", "lib/training"],
  bin: ["lib/cli", "lib/infrastructure"],
};

/** Within a room, the files that may import what the rest may not. */
const only: Record<string, string> = {
  "@aws-sdk/client-s3": "lib/storage/s3-store.ts", "@aws-sdk/lib-storage": "lib/storage/s3-store.ts",
};

interface Import { readonly file: string; readonly to: string; readonly typeOnly: boolean }

function sources(folder: string): string[] {
  return readdirSync(path.join(projectRoot, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => path.relative(projectRoot, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function roomOf(file: string): string {
  const [first = "", second = "", ...rest] = file.split("/");
  return first === "lib" && rest.length > 0 ? `lib/${second}` : first === "lib" ? file : first;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(projectRoot, file), "utf8");
  return [...text.matchAll(/(?:^|\n)\s*(import|export)(\s+type)?[^;"']*?from\s+"([^"]+)"|(?:import|require)\(\s*"([^"]+)"\s*\)/g)].flatMap(([, , typeOnly, from, dynamic]) => {
    const target = from ?? dynamic ?? "";
    if (target.startsWith("node:")) return [];
    const to = target.startsWith(".")
      ? roomOf(path.posix.normalize(path.posix.join(path.posix.dirname(file), target)))
      : target.split("/").slice(0, target.startsWith("@") ? 2 : 1).join("/");
    return [{ file, to, typeOnly: typeOnly !== undefined }];
  });
}

const files = ["lib", "bin", "lambdas", "containers"].flatMap(sources);
const imports = files.flatMap(importsOf);

test.each(Object.entries(allowed))("%s imports what it may and nothing else", (room, may) => {
  const own = imports.filter(({ file }) => roomOf(file) === room);
  expect(own.length + files.filter((file) => roomOf(file) === room).length).toBeGreaterThan(0);
  expect(own.filter(({ to }) => to !== room && !may.includes(to))).toEqual([]);
});

test("every room has its rule; the command line and the public face may compose anything but the cloud's packages", () => {
  const free = new Set(["lib/cli", "lib/index.ts"]);
  expect([...new Set(files.map(roomOf))].filter((room) => !(room in allowed) && !free.has(room))).toEqual([]);
  expect(imports.filter(({ file, to }) => free.has(roomOf(file)) && /^(@aws-sdk|aws-cdk|constructs|onnxruntime|sharp)/.test(to))).toEqual([]);
});

test("a package that one file stands for is imported there alone in its room", () => {
  for (const [name, file] of Object.entries(only)) {
    expect(imports.filter(({ to, file: from }) => to === name && roomOf(from) === roomOf(file) && from !== file)).toEqual([]);
  }
});

test("onnxruntime is loaded in one place, after its telemetry is off", () => {
  expect([...new Set(imports.filter(({ to, typeOnly }) => to === "onnxruntime-node" && !typeOnly).map(({ file }) => file))]).toEqual(["lib/inference/runtime.ts"]);
});

test("no barrel files in lib but the public face", () => {
  const barrels = files.filter((file) => file !== "lib/index.ts" && file.startsWith("lib/")).filter((file) => {
    const code = readFileSync(path.join(projectRoot, file), "utf8").replace(/\/\*[^]*?\*\/|\/\/.*/g, "").replace(/export\s+(type\s+)?(\*|\{[^}]*\})[^;]*from\s+"[^"]+";/g, "");
    return code.trim() === "";
  });
  expect(barrels).toEqual([]);
});

test("object keys are made in the contract alone", () => {
  const elsewhere = files.filter((file) => !/^lib\/(contract|infrastructure)\//.test(file))
    .filter((file) => /[`"'](incoming|runs|results|models)\/\$\{/.test(readFileSync(path.join(projectRoot, file), "utf8")));
  expect(elsewhere).toEqual([]);
});

test("the lock file names no registry and no machine", () => {
  const lock = readFileSync(path.join(projectRoot, "package-lock.json"), "utf8");
  expect(lock).not.toMatch(/"resolved": "http/);
  expect(lock).not.toMatch(/registry\./);
});

test("Python stays where it belongs: the emulator's launcher and the comparisons of the benchmarks", () => {
  const tracked = execFileSync("git", ["ls-files", "*.py"], { cwd: projectRoot, encoding: "utf8" }).split("\n").filter(Boolean);
  expect(tracked.filter((file) => !/^(test\/emulator|bench)\//.test(file))).toEqual([]);
});
