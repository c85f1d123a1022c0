// npm run pins: asks the registries for the digests and hashes of what the worker's image is built on, and writes containers/worker/pins.json.
// Needs a network. Nothing is invented: what cannot be had stays as it was, and this ends with status 1.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const file = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../containers/worker/pins.json");
const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** "docker.io/library/node:24" → registry, repository, tag. */
export function parseTag(tag) {
  const found = /^([^/]+)\/(.+):([\w.-]+)$/.exec(tag);
  if (!found) throw new Error(`Expected registry/repository:tag but received ${tag}`);
  const [, registry, repository, version] = found;
  return {
    registry: registry === "docker.io" ? "https://registry-1.docker.io" : `https://${registry}`,
    repository,
    version,
  };
}

/** The digest of an image's manifest, by the registry's HTTP API, with an anonymous token where it asks for one. */
export async function digestOf(tag, request = fetch) {
  const { registry, repository, version } = parseTag(tag);
  const url = `${registry}/v2/${repository}/manifests/${version}`;
  const ask = (headers) => request(url, { method: "HEAD", headers: { accept: manifestTypes.join(", "), ...headers } });
  let answer = await ask({});
  if (answer.status === 401) {
    const challenge = Object.fromEntries(
      [...(answer.headers.get("www-authenticate") ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    );
    const granted = await request(
      `${challenge.realm}?service=${challenge.service}&scope=repository:${repository}:pull`,
    );
    answer = await ask({ authorization: `Bearer ${(await granted.json()).token}` });
  }
  const digest = answer.headers.get("docker-content-digest") ?? "";
  if (!answer.ok || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new Error(`Expected a digest for ${tag} but received ${answer.status} ${digest}`);
  return digest;
}

export async function sha256Of(url, request = fetch) {
  const answer = await request(url);
  if (!answer.ok) throw new Error(`Expected ${url} but received ${answer.status}`);
  return createHash("sha256")
    .update(Buffer.from(await answer.arrayBuffer()))
    .digest("hex");
}

/** Answers the pins with every value renewed. */
export async function renewed(pins, request = fetch) {
  return {
    baseImage: { ...pins.baseImage, digest: await digestOf(pins.baseImage.tag, request) },
    cudaImage: { ...pins.cudaImage, digest: await digestOf(pins.cudaImage.tag, request) },
    cudaLibraries: { ...pins.cudaLibraries, sha256: await sha256Of(pins.cudaLibraries.url, request) },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    writeFileSync(file, `${JSON.stringify(await renewed(JSON.parse(readFileSync(file, "utf8"))), null, 2)}\n`);
    console.log(`Wrote ${path.relative(process.cwd(), file)}.`);
  } catch (error) {
    console.error(
      `Nothing was written. ${error.message}${error.cause ? ` (${error.cause.message ?? error.cause})` : ""}`,
    );
    process.exitCode = 1;
  }
}
