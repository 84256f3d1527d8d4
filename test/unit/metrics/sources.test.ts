import { describe, expect, test } from "vitest";
import { figuresOf } from "../../../src/metrics/sources.ts";

describe("figuresOf()", () => {
  test("asks a source when its figures are wanted, and once", () => {
    let asked = 0;
    const openCalls = () => {
      asked += 1;
      return asked;
    };
    const figures = figuresOf({ openCalls });
    expect(asked).toBe(0);
    expect([figures.openCalls(), figures.openCalls()]).toEqual([1, 1]);
    expect(figuresOf({ openCalls }).openCalls()).toBe(2);
  });

  test("has nothing where there is no source", () => {
    const { live, ...others } = figuresOf({});
    expect(live).toBeUndefined();
    expect(Object.values(others).map((read) => read())).toEqual(
      Object.values(others).map(() => undefined),
    );
  });

  test("a source that throws does so once a collection", () => {
    const figures = figuresOf({
      leftOutCalls() {
        throw new Error("no");
      },
    });
    expect(figures.leftOutCalls).toThrow("no");
    expect(figures.leftOutCalls()).toBeUndefined();
  });
});
