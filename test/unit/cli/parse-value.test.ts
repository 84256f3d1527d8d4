import { InvalidArgumentError } from "commander";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuantizationSchema, Tier, TierSchema } from "../../../gen/atlas/v1/types_pb.ts";
import { formatNanoUsd } from "../../../src/cli/figures.ts";
import {
  collect,
  collectList,
  collectWords,
  parseCount,
  parseDecimal,
  parseDurationMs,
  parseInt64,
  parsePort,
  parsePositive,
  parseScale,
  parseUsd,
  parseWord,
} from "../../../src/cli/parse-value.ts";

describe("parseUsd()", () => {
  it("is exact where floating point is not", () => {
    expect(parseUsd("0.15")).toBe(150_000_000n);
    expect(parseUsd("2.675")).toBe(2_675_000_000n);
    expect(parseUsd("3")).toBe(3_000_000_000n);
    expect(parseUsd("0.000000001")).toBe(1n);
  });

  it("reads back every amount that is shown", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 17n), (nanoUsd) => {
        expect(parseUsd(formatNanoUsd(nanoUsd))).toBe(nanoUsd);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it.each(["", "-1", "1e3", "0.0000000001", "$1", ".5", "1."])("refuses %j", (text) => {
    expect(() => parseUsd(text)).toThrow(InvalidArgumentError);
  });
});

describe("parseDurationMs()", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["1h", 3_600_000],
  ])("reads %s", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(["30", "s", "-1s", "0s", "0.4ms", "1d", "999999h"])("refuses %j", (text) => {
    expect(() => parseDurationMs(text)).toThrow(InvalidArgumentError);
  });
});

describe("parseCount()", () => {
  it("takes what an int32 holds", () => {
    expect([parseCount("0"), parseCount("2147483647")]).toEqual([0, 2_147_483_647]);
  });

  it.each(["", "-1", "1.5", "2147483648", "1e3"])("refuses %j", (text) => {
    expect(() => parseCount(text)).toThrow(InvalidArgumentError);
  });
});

describe("parsePort()", () => {
  it("takes 0 to 65535", () => {
    expect([parsePort("0"), parsePort("65535")]).toEqual([0, 65_535]);
    expect(() => parsePort("65536")).toThrow(InvalidArgumentError);
    expect(() => parsePort("http")).toThrow(InvalidArgumentError);
  });
});

describe("parseDecimal() and parsePositive()", () => {
  it("differ below and at zero", () => {
    expect([parseDecimal("-1.5"), parseDecimal("0"), parsePositive("0.5")]).toEqual([-1.5, 0, 0.5]);
    expect(() => parsePositive("0")).toThrow(InvalidArgumentError);
    expect(parseScale("0")).toBe(0);
    expect(() => parseScale("-0.1")).toThrow(InvalidArgumentError);
    expect(() => parseDecimal("NaN")).toThrow(InvalidArgumentError);
  });
});

describe("parseInt64()", () => {
  it("takes both ends of the range", () => {
    expect([parseInt64("9223372036854775807"), parseInt64("-9223372036854775808")]).toEqual([
      2n ** 63n - 1n,
      -(2n ** 63n),
    ]);
  });

  it.each(["9223372036854775808", "-9223372036854775809", "1.0", ""])("refuses %j", (text) => {
    expect(() => parseInt64(text)).toThrow(InvalidArgumentError);
  });
});

describe("lists", () => {
  it("keep commas where they are part of the value", () => {
    expect(collect("a,b", collect("c"))).toEqual(["c", "a,b"]);
  });

  it("grow by commas and by repetition", () => {
    expect(collectList("azure, openai", collectList("groq"))).toEqual(["groq", "azure", "openai"]);
  });

  it("refuse an empty name", () => {
    expect(() => collectList("azure,,openai")).toThrow(InvalidArgumentError);
  });

  it("of words become numbers", () => {
    const collectFormats = collectWords(QuantizationSchema);
    expect(collectFormats("bf16,FP8", collectFormats("int4"))).toEqual([2, 11, 8]);
  });
});

describe("parseWord()", () => {
  it("names the words there are", () => {
    expect(parseWord(TierSchema)("Realtime")).toBe(Tier.REALTIME);
    expect(() => parseWord(TierSchema)("fast")).toThrow("Not one of realtime, standard, batch.");
  });
});
