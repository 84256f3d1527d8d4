import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";

/** Stands where too little is known to say: never for zero. */
export const ABSENT = "—";

const NANO_DIGITS = 9;

/** Nano-USD as dollars: exact, with at least two decimals and no sign of currency. */
export function formatNanoUsd(nanoUsd: bigint | undefined): string {
  if (nanoUsd === undefined) {
    return ABSENT;
  }
  const digits = nanoUsd.toString().padStart(NANO_DIGITS + 1, "0");
  const whole = digits.slice(0, -NANO_DIGITS);
  const fraction = digits.slice(-NANO_DIGITS).replace(/0+$/, "").padEnd(2, "0");
  return `${whole}.${fraction}`;
}

/** As `formatNanoUsd`, with its dollar sign. */
export function formatUsd(nanoUsd: bigint | undefined): string {
  return nanoUsd === undefined ? ABSENT : `$${formatNanoUsd(nanoUsd)}`;
}

/** A ratio of 0 to 1 in percent. */
export function formatPercent(ratio: number | undefined, decimals: number): string {
  return ratio === undefined ? ABSENT : `${(ratio * 100).toFixed(decimals)} %`;
}

/** A share of 0 to 1 in percent with a decimal; one that is small but not zero never shows as zero. */
export function formatShare(share: number): string {
  return share > 0 && share < 0.0005 ? "<0.1 %" : formatPercent(share, 1);
}

/** Two figures of one unit; a dash for each that is absent, one dash when both are. */
export function formatPair(
  first: number | undefined,
  second: number | undefined,
  unit: string,
): string {
  if (first === undefined && second === undefined) {
    return ABSENT;
  }
  const [left, right] = [first, second].map((value) =>
    value === undefined ? ABSENT : value.toFixed(0),
  );
  return `${left} / ${right} ${unit}`;
}

/** Thousands separated by commas. */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString("en-US");
}

/** A noun behind its number, in the plural where English wants it. */
export function formatNumberOf(count: number | bigint, noun: string): string {
  return `${formatCount(count)} ${noun}${BigInt(count) === 1n ? "" : "s"}`;
}

/** Milliseconds below a second, seconds from there on. */
export function formatMs(ms: number): string {
  if (ms > 0 && ms < 1) {
    return "<1 ms";
  }
  if (ms < 999.5) {
    return `${ms.toFixed(0)} ms`;
  }
  return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
}

export function formatDuration(duration: Duration | undefined): string {
  return duration === undefined ? ABSENT : formatMs(durationMs(duration));
}
