import { describe, expect, test } from "vitest";
import { createLoopWatch, watchLoop } from "../../../src/cli/loop-watch.ts";

/** A loop that does what it is told; time passes only in between. */
function start() {
  let timeMs = 1_000;
  let tick: (() => void) | undefined;
  let isStopped = false;
  let everyMs = 0;
  const afterReading: (() => void)[] = [];
  const watch = createLoopWatch({
    nowMs: () => timeMs,
    repeat(ms, task) {
      everyMs = ms;
      tick = task;
      return () => {
        isStopped = true;
      };
    },
    afterReading: (task) => afterReading.push(task),
  });
  return {
    watch,
    everyMs: () => everyMs,
    isStopped: () => isStopped,
    pass: (ms: number) => {
      timeMs += ms;
    },
    tick: () => tick?.(),
    /** The loop has read what was there. */
    endReading: () => afterReading.splice(0).map((task) => task()).length,
    /** Of what is handled now. */
    waitedMs: () => timeMs - watch.arrivedMs(timeMs),
  };
}

describe("createLoopWatch()", () => {
  test("says of a quiet loop that nothing waits, and asks nothing of it", () => {
    const { pass, tick, waitedMs, endReading, everyMs } = start();
    expect(everyMs()).toBe(10);
    for (let turn = 0; turn < 100; turn += 1) {
      pass(4);
      expect(waitedMs()).toBe(0);
      pass(10.9);
      expect(waitedMs()).toBe(0);
      tick();
      expect(waitedMs()).toBe(0);
      expect(endReading()).toBe(0);
    }
  });

  test("says of what is handled before a timer could run that it waited since that was due", () => {
    const { pass, waitedMs } = start();
    pass(14.9);
    expect(waitedMs()).toBe(0);
    pass(0.1);
    expect(waitedMs()).toBe(5);
    pass(485);
    expect(waitedMs()).toBe(490);
  });

  test("says so of all that is read after a late tick, however long that takes", () => {
    const { pass, tick, waitedMs } = start();
    pass(510);
    tick();
    expect(waitedMs()).toBe(500);
    pass(100);
    expect(waitedMs()).toBe(600);
    tick();
    expect(waitedMs()).toBe(600);
  });

  test("says of what comes after that reading that it did not wait", () => {
    const { pass, tick, waitedMs, endReading } = start();
    pass(510);
    tick();
    expect(endReading()).toBe(1);
    pass(1);
    expect(waitedMs()).toBe(0);
    pass(9);
    tick();
    expect(endReading()).toBe(0);
    expect(waitedMs()).toBe(0);
  });

  test("counts on from the latest tick when one reading blocks the loop again", () => {
    const { pass, tick, waitedMs, endReading } = start();
    pass(510);
    tick();
    pass(300);
    expect(endReading()).toBe(1);
    expect(waitedMs()).toBe(290);
    tick();
    expect(waitedMs()).toBe(290);
    expect(endReading()).toBe(1);
    expect(waitedMs()).toBe(0);
  });

  test("stops its timer", () => {
    const { watch, isStopped } = start();
    watch.stop();
    expect(isStopped()).toBe(true);
  });
});

test("watchLoop() watches the loop of this process", async () => {
  const watch = watchLoop(() => performance.now());
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
  await nextTurn();
  const blockedAtMs = performance.now();
  while (performance.now() < blockedAtMs + 60) {
    // Nothing else has a turn.
  }
  const nowMs = performance.now();
  expect(nowMs - watch.arrivedMs(nowMs)).toBeGreaterThan(45);
  await nextTurn();
  await nextTurn();
  await nextTurn();
  const laterMs = performance.now();
  expect(laterMs - watch.arrivedMs(laterMs)).toBeLessThan(45);
  watch.stop();
});
