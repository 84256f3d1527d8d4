import { describe, expect, test } from "vitest";
import { createRateWindow } from "../../../src/simulator/rate-window.ts";

describe("createRateWindow()", () => {
  test("counts requests and tokens of a minute and forgets them in the next", () => {
    const window = createRateWindow();
    window.add(10, 60_000);
    window.add(5, 90_000);
    expect(window.read(119_000)).toEqual({ requests: 2, tokens: 15, resetMs: 1_000 });
    expect(window.read(120_000)).toEqual({ requests: 0, tokens: 0, resetMs: 60_000 });
  });

  test("forgets both counts when it is cleared, and counts on", () => {
    const window = createRateWindow();
    window.add(10, 60_000);
    window.clear();
    expect(window.read(60_000)).toMatchObject({ requests: 0, tokens: 0 });
    window.add(5, 61_000);
    expect(window.read(61_000)).toMatchObject({ requests: 1, tokens: 5 });
  });
});
