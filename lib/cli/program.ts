import { Command, CommanderError } from "commander";
import { engineVersion } from "../contract/engine-version";
import { exitCodes } from "./exit-codes";
import { reportError } from "./report-error";
import { suggestChoices } from "./suggest-choices";

/** Every command with its one-line description; its file is loaded only when it is asked for, so that --help is quick. */
const commands: readonly {
  readonly name: string;
  readonly description: string;
  /** What gives the command its arguments, options and action. */
  readonly load: () => Promise<(command: Command) => void>;
}[] = [
  {
    name: "run",
    description: "classify and explain a folder of images here",
    load: async () => (await import("./run-command.js")).defineRun,
  },
  {
    name: "watch",
    description: "classify and explain every batch that is dropped into a folder",
    load: async () => (await import("./watch-command.js")).defineWatch,
  },
  {
    name: "explain",
    description: "explain one image with any ONNX classifier",
    load: async () => (await import("./explain-command.js")).defineExplain,
  },
  {
    name: "differentiate",
    description: "write a model that also returns exact gradients",
    load: async () => (await import("./differentiate-command.js")).defineDifferentiate,
  },
  {
    name: "model",
    description: "look into models, import weights, list what is here",
    load: async () => (await import("./model-command.js")).defineModel,
  },
  {
    name: "study",
    description: "run the study's experiments: four networks on full, cropped and masked images",
    load: async () => (await import("./study-command.js")).defineStudy,
  },
  {
    name: "phantom",
    description: "draw synthetic Pap-smear images with per-cell ground truth",
    load: async () => (await import("./phantom-command.js")).definePhantom,
  },
  {
    name: "train",
    description:
      "train a network on a folder with a folder of images for each class (a U-Net on the masks of phantoms)",
    load: async () => (await import("./train-command.js")).defineTrain,
  },
  {
    name: "evaluate",
    description: "measure a model on a folder with a folder of images for each class",
    load: async () => (await import("./evaluate-command.js")).defineEvaluate,
  },
  {
    name: "submit",
    description: "upload a folder of images to a bucket as a batch",
    load: async () => (await import("./submit-command.js")).defineSubmit,
  },
  {
    name: "status",
    description: "how far a batch is, and what its jobs said",
    load: async () => (await import("./status-command.js")).defineStatus,
  },
  {
    name: "doctor",
    description: "check that this machine has what cytolens needs",
    load: async () => (await import("./doctor-command.js")).defineDoctor,
  },
];

/** Runs the command line and answers the exit code. */
export async function runProgram(typed: readonly string[]): Promise<number> {
  const words = helpAsFlag(typed);
  const program = new Command("cytolens")
    .description("Cytology image classification with explanations that can be trusted.")
    .version(engineVersion)
    .option("--debug", "print stack traces of errors")
    .showHelpAfterError("(run cytolens --help for the commands)")
    .exitOverride();
  const asked = words.find((word) => !word.startsWith("-"));
  for (const { name, description, load } of commands) {
    const command = program.command(name).description(description);
    if (name !== asked) continue;
    (await load())(command);
    command.showHelpAfterError(`(run cytolens ${name} --help for its options)`);
    suggestChoices(command);
  }
  try {
    await program.parseAsync([...words], { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return reportError(error, words.includes("--debug"));
  }
}

/** `help run` is `run --help`: the command's own file, which knows its options, is then loaded. */
function helpAsFlag(words: readonly string[]): readonly string[] {
  const [first, ...rest] = words;
  const isOfCommand = first === "help" && commands.some(({ name }) => name === rest[0]);
  return isOfCommand ? [...rest, "--help"] : words;
}
