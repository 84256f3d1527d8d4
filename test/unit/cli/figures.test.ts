import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  formatCount,
  formatDuration,
  formatMs,
  formatNanoUsd,
  formatNumberOf,
  formatPair,
  formatPercent,
  formatShare,
  formatUsd,
} from "../../../src/cli/figures.ts";

describe("formatNanoUsd()", () => {
  it.each([
    [150_000_000n, "0.15"],
    [600_000_000n, "0.60"],
    [2_800_000n, "0.0028"],
    [12_000_000_000n, "12.00"],
    [1n, "0.000000001"],
    [0n, "0.00"],
    [undefined, "—"],
  ])("shows %s exactly as %s", (nanoUsd, text) => {
    expect(formatNanoUsd(nanoUsd)).toBe(text);
  });
});

describe("formatUsd()", () => {
  it("has a dollar sign, unless the amount is unknown", () => {
    expect([formatUsd(80_000_000n), formatUsd(undefined)]).toEqual(["$0.08", "—"]);
  });
});

describe("formatPair()", () => {
  it.each([
    [2568, 8421, "2568 / 8421 ms"],
    [716.4, undefined, "716 / — ms"],
    [undefined, 9, "— / 9 ms"],
    [undefined, undefined, "—"],
    [0, 0, "0 / 0 ms"],
  ])("shows %s and %s as %s", (first, second, text) => {
    expect(formatPair(first, second, "ms")).toBe(text);
  });
});

describe("formatPercent()", () => {
  it("has as many decimals as asked for, and a dash for what is absent", () => {
    expect([
      formatPercent(0.8982, 2),
      formatPercent(1, 2),
      formatPercent(0.938, 1),
      formatPercent(undefined, 1),
    ]).toEqual(["89.82 %", "100.00 %", "93.8 %", "—"]);
  });
});

describe("formatShare()", () => {
  it.each([
    [0, "0.0 %"],
    [0.0001, "<0.1 %"],
    [0.0005, "0.1 %"],
    [0.934, "93.4 %"],
    [1, "100.0 %"],
  ])("shows %s as %s", (share, text) => {
    expect(formatShare(share)).toBe(text);
  });
});

describe("formatMs()", () => {
  it.each([
    [0, "0 ms"],
    [0.4, "<1 ms"],
    [716, "716 ms"],
    [999.4, "999 ms"],
    [999.5, "1.00 s"],
    [2_130, "2.13 s"],
    [9_994, "9.99 s"],
    [9_995, "10.0 s"],
    [75_000, "75.0 s"],
  ])("shows %s as %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});

describe("formatDuration()", () => {
  it("shows a dash for an absent duration", () => {
    expect([formatDuration(durationFromMs(1_500)), formatDuration(undefined)]).toEqual([
      "1.50 s",
      "—",
    ]);
  });
});

describe("formatCount()", () => {
  it("separates thousands", () => {
    expect([formatCount(128_000), formatCount(1_234_567n)]).toEqual(["128,000", "1,234,567"]);
  });
});

describe("formatNumberOf()", () => {
  it("speaks of one and of many", () => {
    expect([formatNumberOf(1, "attempt"), formatNumberOf(0, "attempt")]).toEqual([
      "1 attempt",
      "0 attempts",
    ]);
  });
});
