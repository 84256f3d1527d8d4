import { describe, expect, test } from "vitest";
import { createPause, createQueue } from "../../../src/rpc/turns.ts";
import { createManualClock } from "../../support/manual-clock.ts";

describe("createPause()", () => {
  test("gives each work that waits a turn of its own, in the order of asking", async () => {
    const clock = createManualClock();
    const order: string[] = [];
    let turn = 0;
    const pause = createPause((delayMs, task) =>
      clock.schedule(delayMs, () => {
        turn += 1;
        task();
      }),
    );
    async function work(name: string): Promise<void> {
      for (let piece = 1; piece <= 2; piece++) {
        await pause();
        order.push(`${name}${piece} in turn ${turn}`);
      }
    }
    const works = Promise.all([work("a"), work("b"), work("c")]);
    await clock.advance(10);
    await works;
    expect(order).toEqual([
      "a1 in turn 1",
      "b1 in turn 2",
      "c1 in turn 3",
      "a2 in turn 4",
      "b2 in turn 5",
      "c2 in turn 6",
    ]);
    expect(clock.pending()).toBe(0);
  });
});

describe("createQueue()", () => {
  test("begins a work when the one before has ended, well or not", async () => {
    const inQueue = createQueue();
    const order: string[] = [];
    const first = Promise.withResolvers<string>();
    const works = [
      inQueue(() => first.promise),
      inQueue(async () => {
        order.push("second");
        throw new Error("no");
      }),
      inQueue(async () => {
        order.push("third");
      }),
    ];
    await Promise.resolve();
    expect(order).toEqual([]);
    first.resolve("done");
    const ends = await Promise.allSettled(works);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(order).toEqual(["second", "third"]);
  });
});
