import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** Milliseconds with their fractions, which protobuf's own conversions round away. Absent is 0. */
export function exactMs(time: Duration | Timestamp | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1_000 + time.nanos / 1_000_000;
}
