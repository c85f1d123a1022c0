#!/usr/bin/env node
import { runProgram } from "../lib/cli/program";

runProgram(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
