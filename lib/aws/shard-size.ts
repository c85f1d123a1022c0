import type { CompleteMethod } from "../contract/methods";
import type { Settings } from "../contract/settings";

/** Long enough that starting a container is a small part of it, short enough that a reclaimed one loses little. */
const secondsPerShard = 240;
const mostItemsPerShard = 500;

/** Rough passes of forward and backward for one image; only the size of shards depends on it. */
function passes(method: CompleteMethod): number {
  switch (method.name) {
    case "integrated-gradients":
      return method.steps === "adaptive" ? 64 : method.steps === "study" ? 500 : method.steps;
    case "guided-grad-cam":
      return 2;
    default:
      return 1;
  }
}

const passesPerSecond = { cuda: 60, cpu: 5 } as const;
/** Fetching, decoding, drawing and storing one image, in seconds. */
const overheadSeconds = 0.5;

/** How many images make a shard of about four minutes. */
export function itemsPerShard(provider: keyof typeof passesPerSecond): (items: number, settings: Settings) => number {
  return (_items, { methods }) => {
    const total = methods.reduce((sum, method) => sum + passes(method), 1);
    const seconds = overheadSeconds + total / passesPerSecond[provider];
    return Math.max(1, Math.min(mostItemsPerShard, Math.round(secondsPerShard / seconds)));
  };
}
