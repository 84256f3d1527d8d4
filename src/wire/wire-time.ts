import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

const NANOS_PER_MS = 1_000_000;

/** Most numbers of an answer are 0, and those need no object of their own. */
export function int64Of(whole: number): bigint {
  return whole === 0 ? 0n : BigInt(whole);
}

/** Rounds down to whole nanoseconds. Negative lengths, which only a clock's jump makes, become 0. */
export function durationFromMs(ms: number): Duration {
  const whole = ms > 0 ? ms : 0;
  const seconds = Math.floor(whole / 1_000);
  return {
    $typeName: "google.protobuf.Duration",
    seconds: int64Of(seconds),
    nanos: Math.floor((whole - seconds * 1_000) * NANOS_PER_MS),
  };
}

/** Epoch milliseconds, with fractions. */
export function timestampFromMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000);
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(seconds),
    nanos: Math.floor((ms - seconds * 1_000) * NANOS_PER_MS),
  };
}

/** Milliseconds with fractions; `undefined` when seconds and nanos break the rules of the type. */
export function msFromDuration({ seconds, nanos }: Duration): number | undefined {
  const secondsNumber = Number(seconds);
  const valid =
    Math.abs(secondsNumber) <= MAX_DURATION_SECONDS &&
    Math.abs(nanos) < 1_000 * NANOS_PER_MS &&
    (secondsNumber === 0 || nanos === 0 || secondsNumber < 0 === nanos < 0);
  return valid ? secondsNumber * 1_000 + nanos / NANOS_PER_MS : undefined;
}

/** 10,000 years: https://protobuf.dev/reference/protobuf/google.protobuf/#duration */
const MAX_DURATION_SECONDS = 315_576_000_000;
