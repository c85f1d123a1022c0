// npm run localstack: starts LocalStack in Docker and our Batch server beside it, for people who have Docker. Untried: see docs/emulators.md.
import { spawn, spawnSync } from "node:child_process";
import { prepare, root } from "./prepare.mjs";

const image = "localstack/localstack:4.14.0";
const name = "cytolens-localstack";
const region = "eu-west-1";

if (spawnSync("docker", ["version"], { stdio: "ignore" }).status !== 0) {
  console.error("Expected Docker but it does not answer. `npm run test:aws` needs none.");
  process.exit(3);
}
prepare();
const { BatchServer } = await import("../dist/test/emulator/batch-server.js");
const endpoint = "http://127.0.0.1:4566";
const account = {
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: "000000000000",
  AWS_SECRET_ACCESS_KEY: "test",
};
const batch = new BatchServer(
  {
    workingFolder: root,
    log: (line) => console.log(line),
    credentials: async () => account,
    whyNotPulled: async () => undefined,
  },
  async (detail, type) => {
    const entries = JSON.stringify([
      {
        Source: "aws.batch",
        DetailType: type,
        Detail: JSON.stringify(detail),
        Resources: [detail.jobArn],
      },
    ]);
    spawn("docker", ["exec", name, "awslocal", "events", "put-events", "--region", region, "--entries", entries], {
      stdio: "ignore",
    });
  },
);
const port = await batch.listen(4700);
for (const [kind, logicalId] of [
  ["job-queue", "Spot"],
  ["job-queue", "OnDemand"],
]) {
  await fetch(`http://127.0.0.1:${port}/resources/${kind}`, {
    method: "POST",
    body: JSON.stringify({ logicalId, account: account.AWS_ACCESS_KEY_ID, region, properties: {} }),
  });
}
console.log(`LocalStack at ${endpoint}, AWS Batch at http://127.0.0.1:${port}. In another terminal:`);
for (const [variable, value] of Object.entries({ ...account, AWS_ENDPOINT_URL_BATCH: `http://127.0.0.1:${port}` }))
  console.log(`  export ${variable}=${value}`);
console.log("Ctrl-C ends both.");
process.on("SIGINT", () => undefined);
const docker = spawn(
  "docker",
  [
    "run",
    "--rm",
    "--name",
    name,
    "-p",
    "127.0.0.1:4566:4566",
    "-v",
    "/var/run/docker.sock:/var/run/docker.sock",
    "-e",
    `AWS_ENDPOINT_URL_BATCH=http://host.docker.internal:${port}`,
    "--add-host",
    "host.docker.internal:host-gateway",
    image,
  ],
  { stdio: "inherit" },
);
await new Promise((resolve) => docker.once("close", resolve));
await batch.close();
