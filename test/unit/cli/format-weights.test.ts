import { describe, expect, it } from "vitest";
import { Precision, Quantization } from "../../../gen/atlas/v1/types_pb.ts";
import { formatWeights } from "../../../src/cli/format-weights.ts";

describe("formatWeights()", () => {
  it.each([
    [Precision.FULL, Quantization.UNKNOWN, "full · unknown"],
    [Precision.Q8, Quantization.FP8, "q8 · fp8"],
    [Precision.UNDISCLOSED, Quantization.UNDISCLOSED, "undisclosed"],
    [Precision.Q4, Quantization.UNSPECIFIED, "q4"],
    [Precision.UNSPECIFIED, Quantization.UNSPECIFIED, "—"],
  ])("shows %s and %s as %s", (precision, quantization, text) => {
    expect(formatWeights({ precision, quantization })).toBe(text);
  });
});
