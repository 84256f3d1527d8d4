import { describe, expect, it } from "vitest";
import { GateStateSchema, RejectionReasonSchema } from "../../../gen/atlas/v1/routing_pb.ts";
import { Quantization, QuantizationSchema, TierSchema } from "../../../gen/atlas/v1/types_pb.ts";
import { numberOf, wordOf, wordsOf } from "../../../src/cli/enum-words.ts";

describe("enum words", () => {
  it("leave out the prefix of the enum and the unspecified value", () => {
    expect(wordsOf(TierSchema)).toEqual(["realtime", "standard", "batch"]);
    expect(wordsOf(GateStateSchema)).toEqual(["native", "green", "red", "unknown", "stale"]);
  });

  it("join the parts of a name with hyphens", () => {
    expect(wordOf(RejectionReasonSchema, 14)).toBe("breaker-open");
  });

  it("lead back to their numbers", () => {
    expect(wordsOf(QuantizationSchema).map((word) => numberOf(QuantizationSchema, word))).toEqual(
      QuantizationSchema.values.map(({ number }) => number).filter((number) => number !== 0),
    );
    expect(numberOf(QuantizationSchema, "fp8")).toBe(Quantization.FP8);
  });

  it("do not exist for what the enum does not have", () => {
    expect(numberOf(TierSchema, "instant")).toBeUndefined();
    expect(numberOf(TierSchema, "unspecified")).toBeUndefined();
    expect(wordOf(TierSchema, 99)).toBe("#99");
  });
});
