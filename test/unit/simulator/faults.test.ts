import { describe, expect, test } from "vitest";
import { drawFaults } from "../../../src/simulator/faults.ts";
import { defaultProfile, type Profile } from "../../../src/simulator/profile.ts";
import { createRandom, type Random } from "../../../src/simulator/random.ts";

function draw(changes: Partial<Profile>, random: Random = createRandom(1)) {
  return drawFaults({ ...defaultProfile, ...changes }, random);
}

describe("drawFaults()", () => {
  test("finds none by default, without taking a random number", () => {
    const forbidden = () => {
      throw new Error("drew a number");
    };
    expect(draw({}, forbidden)).toEqual({
      interruption: undefined,
      emptyCompletion: false,
      missingDone: false,
      omitUsage: false,
    });
  });

  test("always hits at a rate of 1", () => {
    expect(draw({ badRequest: { rate: 1 } }).interruption).toBe("badRequest");
  });

  test("lets the earlier of two certain faults win", () => {
    const both = { badRequest: { rate: 1 }, unauthorized: { rate: 1 } };
    expect(draw(both).interruption).toBe("unauthorized");
  });

  test("hits as often as the rate says", () => {
    const random = createRandom(7);
    const hits = Array.from({ length: 10_000 }, () => draw({ htmlError: { rate: 0.2 } }, random));
    const share = hits.filter(({ interruption }) => interruption === "htmlError").length / 10_000;
    expect(Math.abs(share - 0.2)).toBeLessThan(0.01);
  });

  test("combines defects with each other and with an interruption", () => {
    const certain = { rate: 1 };
    expect(
      draw({
        missingDone: certain,
        omitUsage: certain,
        emptyCompletion: certain,
        htmlError: certain,
      }),
    ).toEqual({
      interruption: "htmlError",
      emptyCompletion: true,
      missingDone: true,
      omitUsage: true,
    });
  });
});
