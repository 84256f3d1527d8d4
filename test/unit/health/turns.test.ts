import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createTurns } from "../../../src/health/turns.ts";

describe("createTurns()", () => {
  test("a piece is over after 4 ms and the next one begins after the others' turn", async () => {
    let now = 0;
    const turns = createTurns({
      nowMs: () => now,
      async yieldTurn() {
        now += 100;
      },
    });
    now = 3;
    expect(turns.isOver()).toBe(false);
    now = 4;
    expect(turns.isOver()).toBe(true);
    await turns.next();
    expect(turns.isOver()).toBe(false);
    now += 4;
    turns.begin();
    expect(turns.isOver()).toBe(false);
  });

  test("of several who wait each goes on in a turn of its own", async () => {
    let turn = 0;
    const turns = createTurns({
      nowMs: () => 0,
      async yieldTurn() {
        await setImmediate();
        turn += 1;
      },
    });
    const seen = await Promise.all([1, 2, 3].map(() => turns.next().then(() => turn)));
    expect(seen).toEqual([1, 2, 3]);
  });
});
