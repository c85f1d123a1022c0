import { z } from "zod";
import { workId } from "./names";

const attempt = z.number().int().min(1);
const works = z.array(workId);

/** As workers wrote it until version 2 gave its fields their names. */
const suspects1 = z.strictObject({
  schemaVersion: z.literal(1),
  attempt,
  inHand: works,
  struck: works,
  condemned: works,
});

const suspects2 = z.strictObject({
  schemaVersion: z.literal(2),
  attempt,
  /** Begun and not settled. */
  inFlight: works,
  /** In flight when an earlier attempt was killed: worked on alone from then on. */
  suspected: works,
  /** Killed a worker while alone in flight: not tried again by this dispatch. */
  quarantined: works,
});
export type Suspects = z.infer<typeof suspects2>;

/** runs/<batch>/<run>/suspects/<n>-<shard>.json: what a worker had in flight, should it be killed. Reads both versions, as the newer. */
export const suspects = z.union([
  suspects2,
  suspects1.transform(({ attempt, inHand, struck, condemned }): Suspects => ({
    schemaVersion: 2,
    attempt,
    inFlight: inHand,
    suspected: struck,
    quarantined: condemned,
  })),
]);
