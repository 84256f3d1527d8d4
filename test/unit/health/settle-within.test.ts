import { describe, expect, test } from "vitest";
import { settleWithin } from "../../../src/health/settle-within.ts";
import { createManualClock } from "../../support/manual-clock.ts";

describe("settleWithin()", () => {
  test.each([
    { name: "resolves with what resolves", promise: () => Promise.resolve() },
    { name: "resolves with what rejects", promise: () => Promise.reject(new Error("no")) },
  ])("$name and leaves no timer", async ({ promise }) => {
    const clock = createManualClock();
    await settleWithin(promise(), 1_000, clock.schedule);
    expect(clock.pending()).toBe(0);
  });

  test("does not wait longer than it may", async () => {
    const clock = createManualClock();
    let isDone = false;
    const never = new Promise<void>(() => undefined);
    const settled = settleWithin(never, 1_000, clock.schedule).then(() => {
      isDone = true;
    });
    await clock.advance(999);
    expect(isDone).toBe(false);
    await clock.advance(1);
    await settled;
    expect(isDone).toBe(true);
  });
});
