import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Timings } from "../../gen/atlas/v1/completion_pb.ts";
import { exactMs } from "./exact-time.ts";

/** One part of a call's time. */
export type TimePart = { readonly name: string; readonly ms: number };

/** In the order in which they pass; the router's own share is spread over all of it. */
export function timePartsOf(timings: Timings): readonly TimePart[] {
  const part = (name: string, duration: Duration | undefined) => ({
    name,
    ms: exactMs(duration),
  });
  return [
    part("queue", timings.queue),
    part("plan", timings.plan),
    part("failed attempts", timings.failedAttempts),
    part("first token", timings.upstreamFirstToken),
    part("generation", timings.upstreamGeneration),
    part("router", timings.routerOverhead),
  ];
}

const STEPS_PER_MS = 10;

/**
 * `plan 0.4 + first token 120.3 + router 0.8 = 121.5 ms`: parts that are not zero, in tenths of a
 * millisecond, rounded so that what is shown adds up to the total that is shown.
 */
export function formatTimings(timings: Timings): string {
  const parts = timePartsOf(timings);
  const steps = roundedTogether(parts.map(({ ms }) => ms * STEPS_PER_MS));
  const shown = parts.flatMap(({ name, ms }, index) =>
    ms > 0 ? [`${name} ${formatSteps(steps[index] ?? 0)}`] : [],
  );
  const total = formatSteps(steps.reduce((sum, step) => sum + step, 0));
  return shown.length === 0 ? `${total} ms` : `${shown.join(" + ")} = ${total} ms`;
}

/** Whole numbers next to the values whose sum is the rounded sum: the largest remainders go up. */
function roundedTogether(values: readonly number[]): readonly number[] {
  const rounded = values.map(Math.floor);
  const sum = Math.round(values.reduce((left, right) => left + right, 0));
  const missing = sum - rounded.reduce((left, right) => left + right, 0);
  const byRemainder = values
    .map((value, index) => ({ index, remainder: value - Math.floor(value) }))
    .sort((left, right) => right.remainder - left.remainder);
  for (const { index } of byRemainder.slice(0, missing)) {
    rounded[index] = (rounded[index] ?? 0) + 1;
  }
  return rounded;
}

function formatSteps(steps: number): string {
  return (steps / STEPS_PER_MS).toLocaleString("en-US", {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
}
