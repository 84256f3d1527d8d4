import { describe, expect, it } from "vitest";
import { cutReason, nameProblem } from "../../../src/health/wire-checks.ts";

describe("cutReason()", () => {
  it("keeps 200 characters", () => {
    expect(cutReason("x".repeat(201))).toBe("x".repeat(200));
    expect(cutReason("short")).toBe("short");
  });

  it("leaves no half of a pair", () => {
    expect(cutReason(`${"x".repeat(199)}😀`)).toBe("x".repeat(199));
    expect(cutReason("a\ud800b\ud800")).toBe("a\ufffdb");
  });
});

describe("nameProblem()", () => {
  const bounds = { least: 1, most: 4 };

  it.each([
    { name: "", problem: "model is missing" },
    { name: "abcde", problem: "model is longer than 4 characters" },
    { name: "a\nb", problem: "model holds control characters" },
    { name: "a b", problem: undefined },
  ])("says of $name: $problem", ({ name, problem }) => {
    expect(nameProblem("model", name, bounds)).toBe(problem);
  });
});
