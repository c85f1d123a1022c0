import { setTimeout as pause } from "node:timers/promises";
import { TimerHints } from "../../lib/local/timer-hints";
import { hintsContract } from "../protocol/hints.contract";

describe("the laptop's ticks", () => {
  hintsContract(async () => {
    const came: string[] = [];
    const hints = new TimerHints((batch) => came.push(batch));
    const received = async (count: number): Promise<readonly string[]> => {
      while (came.length < count) await pause(20);
      return came;
    };
    return { hints, received, close: () => hints.stop() };
  });
});
