import {
  handlerEnvironmentFrom,
  handlerVariablesOf,
  type HandlerEnvironment,
} from "../../lib/contract/handler-environment";
import { EnvironmentError } from "../../lib/contract/errors";

const environment: HandlerEnvironment = {
  bucket: "b",
  hintsQueueUrl: "https://queue.example/hints",
  spotQueue: "spot",
  onDemandQueue: "on-demand",
  jobDefinition: "job:1",
  topic: "topic",
  stack: "Cytolens",
  idleSeconds: 60,
  provider: "cuda",
  usdPerHour: 0.5,
};

test("what the stack writes is what a handler reads", () => {
  expect(handlerEnvironmentFrom({ ...handlerVariablesOf(environment), PATH: "/bin" })).toEqual(environment);
  const { usdPerHour: _, ...without } = environment;
  expect(handlerVariablesOf(without)).not.toHaveProperty("CYTOLENS_USD_PER_HOUR");
  expect(handlerEnvironmentFrom(handlerVariablesOf(without))).toEqual(without);
});

test.each([
  ["CYTOLENS_TOPIC", undefined],
  ["CYTOLENS_IDLE_SECONDS", "soon"],
  ["CYTOLENS_PROVIDER", "tpu"],
  ["CYTOLENS_HINTS_QUEUE_URL", "hints"],
])("%s missing or wrong is named", (name, value) => {
  const variables = { ...handlerVariablesOf(environment), [name]: value };
  expect(() => handlerEnvironmentFrom(variables)).toThrow(EnvironmentError);
  expect(() => handlerEnvironmentFrom(variables)).toThrow(new RegExp(`^Expected the stack's variables but ${name}: `));
});
