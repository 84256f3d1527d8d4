import { describe, expect, test } from "vitest";
import {
  isNative,
  precisionOf,
  type Quantization,
  quantizations,
} from "../../../src/domain/endpoint.ts";

describe("precisionOf()", () => {
  test.each<readonly [Quantization, string]>([
    ["bf16", "full"],
    ["unknown", "full"],
    ["fp8", "q8"],
    ["fp6", "q6"],
    ["mxfp4", "q4"],
    ["undisclosed", "undisclosed"],
  ])("puts %s into class %s", (quantization, precision) => {
    expect(precisionOf(quantization)).toBe(precision);
  });
});

describe("quantizations", () => {
  test("are each once, and each has a class", () => {
    expect(new Set(quantizations).size).toBe(quantizations.length);
    const classes = ["full", "q8", "q6", "q4", "undisclosed"];
    expect(quantizations.filter((name) => !classes.includes(precisionOf(name)))).toEqual([]);
  });
});

describe("isNative()", () => {
  test.each<readonly [Quantization, Quantization, boolean]>([
    ["bf16", "bf16", true],
    ["fp16", "bf16", true],
    ["bf16", "fp8", true],
    ["fp8", "fp8", true],
    ["mxfp4", "mxfp4", true],
    ["unknown", "unknown", true],
    ["fp8", "bf16", false],
    ["int8", "fp8", false],
    ["undisclosed", "bf16", false],
    ["undisclosed", "undisclosed", false],
  ])("of %s for weights released in %s is %s", (quantization, released, native) => {
    expect(isNative(quantization, released)).toBe(native);
  });
});
