/**
 * Which failures a request meets.
 *
 * Each mode draws on its own, in the order of `interruptions`, and the first hit is the failure of
 * the request: a rate of 1 therefore always hits unless a mode before it does. `defects` spoil an
 * answer that otherwise arrives, so they combine with each other. A mode whose rate is 0 takes no
 * number from the sequence, which keeps a run comparable when an unrelated mode is switched on.
 */
import type { Chance, Profile } from "./profile.ts";
import type { Random } from "./random.ts";

const interruptions = [
  "stallBeforeHeaders",
  "unauthorized",
  "quotaExhausted",
  "rateLimited",
  "modelNotFound",
  "badRequest",
  "contextLengthExceeded",
  "contentFilter",
  "htmlError",
  "serverError",
  "stallBeforeFirstToken",
  "errorInStream",
  "cutConnection",
  "malformedChunk",
  "stallMidStream",
] as const satisfies readonly (keyof Profile)[];

export type Interruption = (typeof interruptions)[number];
export type FaultMode = Interruption | "emptyCompletion" | "missingDone" | "omitUsage";

export type Faults = {
  readonly interruption: Interruption | undefined;
  readonly emptyCompletion: boolean;
  readonly missingDone: boolean;
  readonly omitUsage: boolean;
};

export function drawFaults(profile: Profile, random: Random): Faults {
  const hits = ({ rate }: Chance) => rate > 0 && random() < rate;
  return {
    interruption: interruptions.find((mode) => hits(profile[mode])),
    emptyCompletion: hits(profile.emptyCompletion),
    missingDone: hits(profile.missingDone),
    omitUsage: hits(profile.omitUsage),
  };
}
