import { describe, expect, test } from "vitest";
import { createEntryInbox } from "../../../src/health/entry-inbox.ts";
import { createTurns } from "../../../src/health/turns.ts";

function createBox(costMs: number) {
  let now = 0;
  let turnsTaken = 0;
  const handled: string[] = [];
  const inbox = createEntryInbox<string>({
    turns: createTurns({
      nowMs: () => now,
      async yieldTurn() {
        turnsTaken += 1;
      },
    }),
    handle(item) {
      handled.push(item);
      now += costMs;
    },
    emptied: () => handled.push("emptied"),
  });
  return { inbox, handled, turnsTaken: () => turnsTaken };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    await Promise.resolve();
  }
}

describe("createEntryInbox()", () => {
  test("handles the newest of every key, after the turn in which they came", async () => {
    const { inbox, handled } = createBox(0);
    inbox.put("a", "a1");
    inbox.put("b", "b1");
    inbox.put("a", "a2");
    expect(handled).toEqual([]);
    await settle();
    expect(handled).toEqual(["a2", "b1", "emptied"]);
  });

  test("goes on with what comes later", async () => {
    const { inbox, handled } = createBox(0);
    inbox.put("a", "a1");
    await settle();
    inbox.put("a", "a2");
    await settle();
    expect(handled).toEqual(["a1", "emptied", "a2", "emptied"]);
  });

  test("gives others a turn when handling takes long", async () => {
    const { inbox, turnsTaken } = createBox(8);
    for (const key of ["a", "b", "c"]) {
      inbox.put(key, key);
    }
    await settle();
    expect(turnsTaken()).toBe(4);
  });
});
