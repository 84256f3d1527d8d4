import { describe, expect, test } from "vitest";
import { createQuietLines } from "../../../src/cli/quiet-lines.ts";

describe("createQuietLines()", () => {
  test("passes the first line of a kind, and the next one when enough time has passed", () => {
    const lines = createQuietLines<string>(10);
    expect([0, 9, 10, 11, 19, 20].map((nowMs) => lines.pass("a", nowMs))).toEqual([
      0,
      undefined,
      1,
      undefined,
      undefined,
      2,
    ]);
  });

  test("lets no kind hide another one", () => {
    const lines = createQuietLines<string>(10);
    expect([lines.pass("a", 0), lines.pass("b", 0), lines.pass("a", 1)]).toEqual([0, 0, undefined]);
  });
});
