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
});
