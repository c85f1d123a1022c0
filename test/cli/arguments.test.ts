import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { channelNumbers, imageSize, list, number, shares, targetClass, wholeNumber } from "../../lib/cli/arguments";
import { projectRoot } from "../reference";

const command = path.join(projectRoot, "dist/bin/cytolens.js");

test.each<[string, (text: string) => unknown, string, unknown]>([
  ["number", number(), "-1.5e3", -1500],
  ["number above", number({ above: 0 }), "0.1", 0.1],
  ["whole number", wholeNumber(), "0", 0],
  ["whole number from", wholeNumber({ from: 1 }), "1", 1],
  ["list", list, "a, b c ,d", ["a", "b c", "d"]],
  ["channel numbers", channelNumbers(), "0.5,-1, 2", [0.5, -1, 2]],
  ["thresholds", shares, "0.5, 1", [0.5, 1]],
  ["one size", imageSize, "224", { height: 224, width: 224 }],
  ["two sizes", imageSize, "224x320", { height: 224, width: 320 }],
  ["the predicted class", targetClass, "predicted", "predicted"],
  ["a class by its index, unless one has that name", targetClass, "3", { class: "3" }],
  ["a class by its name", targetClass, "3a", { class: "3a" }],
])("%s is read", (_name, parse, text, value) => {
  expect(parse(text)).toEqual(value);
});

test.each<[string, (text: string) => unknown, string, string]>([
  ["a decimal comma", number(), "1,5", 'Expected a number with a decimal point (1.5) but received "1,5".'],
  ["nothing as a number", number(), " ", 'Expected a number but received " ".'],
  ["infinity", number(), "Infinity", 'Expected a number but received "Infinity".'],
  ["number above", number({ above: 0 }), "0", 'Expected a number above 0 but received "0".'],
  ["number from", number({ from: 2 }), "1", 'Expected a number from 2 on but received "1".'],
  ["nothing as a whole number", wholeNumber(), "", 'Expected a whole number from 0 on but received "".'],
  ["fraction", wholeNumber({ from: 1 }), "1.5", 'Expected a whole number from 1 on but received "1.5".'],
  ["too small", wholeNumber({ from: 1 }), "0", 'Expected a whole number from 1 on but received "0".'],
  ["too exact", wholeNumber(), "9007199254740993", "Expected a whole number from 0 on but"],
  ["list", list, "a,,b", 'Expected words separated by commas, none of them empty, but received "a,,b".'],
  [
    "channel numbers",
    channelNumbers({ above: 0 }),
    "1,0",
    'Expected one number above 0, or three of them separated by commas (a fraction is written with a point: 1.0), but received "1,0".',
  ],
  ["a standard deviation of 0", channelNumbers({ above: 0 }), "0,0,0", "Expected one number above 0, or three of them"],
  ["a decimal comma", channelNumbers(), "0,5", "(a fraction is written with a point: 0.5), but received"],
  ["four channels", channelNumbers(), "1,2,3,4", "Expected one number, or three of them separated by commas, but"],
  [
    "a threshold above 1",
    shares,
    "0.5,1.5",
    'Expected numbers from 0 to 1, separated by commas, but received "0.5,1.5".',
  ],
  ["size", imageSize, "0x5", 'Expected a number of pixels, or <height>x<width>, but received "0x5".'],
  ["class", targetClass, "", 'Expected a class by its name or index, or "predicted", but received "".'],
])("%s is refused with what was expected and what came", (_name, parse, text, sentence) => {
  expect(() => parse(text)).toThrow(sentence);
});

test.each([
  ["run", ["run", "x", "--workers", "0"], "--workers <number>", "a whole number from 1 on", "0"],
  ["watch", ["watch", "x", "--idle", "soon"], "--idle <seconds>", "a whole number from 0 on", "soon"],
  ["explain", ["explain", "m", "i", "--std", "1,x"], "--std <numbers>", "one number above 0, or three", "1,x"],
  ["explain", ["explain", "m", "i", "--size", "big"], "--size <pixels>", "a number of pixels", "big"],
  ["train", ["train", "x", "-o", "y", "--lr", "fast"], "--lr <rate>", "a number", "fast"],
  ["train", ["train", "x", "-o", "y", "--epochs", "1.5"], "--epochs <number>", "a whole number", "1.5"],
  ["study", ["study", "--seed", "-1"], "--seed <number>", "a whole number from 0 on", "-1"],
  ["model import", ["model", "import", "w", "--size", ""], "--size <pixels>", "a number of pixels", ""],
])("%s says which option, what was expected and what came, and ends with 2", (_name, words, option, expected, came) => {
  const { status, stderr } = spawnSync(process.execPath, [command, ...words], { encoding: "utf8" });
  expect(stderr).toContain(`option '`);
  expect(stderr).toContain(option);
  expect(stderr).toContain(`Expected ${expected}`);
  expect(stderr).toContain(`but received ${JSON.stringify(came)}.`);
  expect(status).toBe(2);
});

const loadedBy = (...words: string[]): string[] => {
  const program = path.join(projectRoot, "dist/lib/cli/program.js");
  const script = `require(${JSON.stringify(program)}).runProgram(${JSON.stringify(words)}).then(() =>
    process.stdout.write("\\n" + JSON.stringify(Object.keys(require.cache))))`;
  const lines = execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }).trimEnd().split("\n");
  return (JSON.parse(lines.at(-1) ?? "") as string[]).filter((file) => file.endsWith("-command.js"));
};

test("help lists every command and loads none of them", () => {
  expect(loadedBy("--help")).toEqual([]);
  expect(loadedBy("doctor", "--help").map((file) => path.basename(file))).toEqual(["doctor-command.js"]);
  const help = execFileSync(process.execPath, [command, "--help"], { encoding: "utf8" });
  const files = readdirSync(path.join(projectRoot, "lib/cli")).filter((file) => file.endsWith("-command.ts"));
  const names = files.map((file) => file.replace("-command.ts", "")).filter((name) => !name.startsWith("model-"));
  expect(names.filter((name) => !new RegExp(`^  ${name} .*\\S`, "m").test(help))).toEqual([]);
});
