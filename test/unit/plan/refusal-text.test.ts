import { describe, expect, test } from "vitest";
import { refusals, refusalText } from "../../../src/plan/refusal-text.ts";

describe("refusalText()", () => {
  test("names the count, the reason and, for a gate, the operation", () => {
    expect(refusalText("gate-not-green", 2, "support.reply")).toBe(
      "2 refused: no green eval gate for support.reply",
    );
    expect(refusalText("price-above-limit", 1, "support.reply")).toBe(
      "1 refused: price above the limit",
    );
  });

  test("has another phrase for each reason", () => {
    const phrases = Object.values(refusals).map(({ phrase }) => phrase);
    expect(new Set(phrases).size).toBe(phrases.length);
  });
});
