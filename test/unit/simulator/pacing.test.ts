import { describe, expect, test } from "vitest";
import { drawPace, tokensDueMs } from "../../../src/simulator/pacing.ts";
import { defaultProfile } from "../../../src/simulator/profile.ts";
import { createRandom } from "../../../src/simulator/random.ts";

const steady = {
  ...defaultProfile,
  firstTokenMs: { p50: 200, p95: 200 },
  tokensPerSecond: { p50: 100, p95: 100 },
};

describe("drawPace()", () => {
  test("puts headers half-way to the first token", () => {
    expect(drawPace(steady, createRandom(1))).toEqual({
      headersAtMs: 100,
      firstTokenAtMs: 200,
      msPerToken: 10,
    });
  });

  test("scales everything", () => {
    expect(drawPace({ ...steady, timeScale: 0 }, createRandom(1))).toEqual({
      headersAtMs: 0,
      firstTokenAtMs: 0,
      msPerToken: 0,
    });
  });
});

describe("tokensDueMs()", () => {
  test("starts with the first token", () => {
    const pace = drawPace(steady, createRandom(1));
    expect([0, 1, 2, 11].map((tokens) => tokensDueMs(pace, tokens))).toEqual([200, 200, 210, 300]);
  });
});
