import { describe, expect, test } from "vitest";
import { createRandom } from "../../../src/simulator/random.ts";
import {
  countTokens,
  cutTokens,
  splitTokens,
  writeTokens,
} from "../../../src/simulator/token-text.ts";

describe("writeTokens()", () => {
  test("writes as many words as asked for, all but the first after a space", () => {
    const tokens = writeTokens(createRandom(1), 50);
    expect(tokens).toHaveLength(50);
    expect(tokens[0]).toMatch(/^\w+$/);
    expect(tokens.slice(1).every((token) => /^ \w+\.?$/.test(token))).toBe(true);
  });
});

describe("splitTokens()", () => {
  test.each([
    { name: "prose", text: "one two  three\n" },
    { name: "leading and long space", text: `${" ".repeat(30)}x` },
    { name: "text outside the basic plane", text: "🌍🌍🌍🌍🌍🌍🌍🌍🌍🌍 ä" },
    { name: "JSON without spaces", text: JSON.stringify({ a: "b".repeat(50) }) },
    { name: "nothing", text: "" },
  ])("loses nothing of $name", ({ text }) => {
    expect(splitTokens(text).join("")).toBe(text);
  });

  test("never parts a surrogate pair", () => {
    expect(splitTokens("🌍".repeat(20)).every((token) => token.isWellFormed())).toBe(true);
  });

  test("cuts long words", () => {
    expect(splitTokens("x".repeat(20))).toHaveLength(3);
  });
});

describe("cutTokens()", () => {
  test("keeps the leading text and the tokens' bounds", () => {
    expect(cutTokens(["one", " two", " three"], 5)).toEqual(["one", " t"]);
    expect(cutTokens(["one", " two"], 3)).toEqual(["one"]);
    expect(cutTokens(["one"], 0)).toEqual([]);
  });
});

describe("countTokens()", () => {
  test("is a quarter of the UTF-8 bytes, rounded up", () => {
    expect([countTokens(""), countTokens("abcd"), countTokens("äöü")]).toEqual([0, 1, 2]);
  });
});
