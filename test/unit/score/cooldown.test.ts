import { describe, expect, test } from "vitest";
import { createCooldown } from "../../../src/score/cooldown.ts";

describe("createCooldown()", () => {
  test("lies in the past before the provider asks for one", () => {
    expect(createCooldown().untilMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test.each([
    { name: "what the provider said", retryAfterMs: 42_000, untilMs: 142_000 },
    { name: "ten seconds when it said nothing", retryAfterMs: undefined, untilMs: 110_000 },
    { name: "at least a second", retryAfterMs: 0, untilMs: 101_000 },
    { name: "at most five minutes", retryAfterMs: Number.POSITIVE_INFINITY, untilMs: 400_000 },
  ])("lasts $name", ({ retryAfterMs, untilMs }) => {
    const cooldown = createCooldown();
    cooldown.extend(100_000, retryAfterMs);
    expect(cooldown.untilMs).toBe(untilMs);
  });

  test("is never shortened", () => {
    const cooldown = createCooldown();
    cooldown.extend(0, 60_000);
    cooldown.extend(1_000, 2_000);
    cooldown.extend(2_000, Number.NaN);
    expect(cooldown.untilMs).toBe(60_000);
  });
});
