import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSlewedClock } from "../../../src/cli/slewed-clock.ts";

const START_MS = 1_800_000_000_000;

function start() {
  let monotonicMs = 40;
  let wallMs = START_MS + 40;
  const clock = createSlewedClock({
    monotonicMs: () => monotonicMs,
    wallMs: () => wallMs,
    originMs: START_MS,
  });
  const pass = (ms: number) => {
    monotonicMs += ms;
    wallMs += ms;
  };
  return {
    ...clock,
    pass,
    /** Somebody sets the system's clock. */
    step: (ms: number) => {
      wallMs += ms;
    },
    offMs: () => clock.nowMs() - wallMs,
    passSeconds(count: number) {
      for (let second = 0; second < count; second += 1) {
        pass(1_000);
        clock.follow();
      }
    },
  };
}

describe("createSlewedClock()", () => {
  test("shows the system's time, and goes as fast", () => {
    const { nowMs, pass, passSeconds, offMs } = start();
    expect(nowMs()).toBe(START_MS + 40);
    pass(0.25);
    expect(nowMs()).toBe(START_MS + 40.25);
    passSeconds(100);
    expect(offMs()).toBe(0);
  });

  test.each([10_000, -10_000])(
    "makes up a step of %i ms in 17 minutes, within a hundredth of any duration",
    (stepMs) => {
      const { nowMs, step, pass, passSeconds, offMs, follow } = start();
      step(stepMs);
      expect(offMs()).toBe(-stepMs);
      follow();
      expect(offMs()).toBe(-stepMs);
      const beforeMs = nowMs();
      pass(1_000);
      expect(nowMs() - beforeMs).toBeCloseTo(1_000 + Math.sign(stepMs) * 10, 2);
      passSeconds(17 * 60);
      expect(Math.abs(offMs())).toBeLessThan(25);
      const laterMs = nowMs();
      passSeconds(60);
      expect(nowMs() - laterMs).toBeCloseTo(60_000, 2);
    },
  );

  test("follows at once when the machine stood still, after a minute in which that was no mistake", () => {
    const { step, passSeconds, offMs } = start();
    step(3_600_000);
    passSeconds(59);
    expect(offMs()).toBeLessThan(-3_599_000);
    passSeconds(1);
    expect(offMs()).toBe(0);
  });

  test("does not follow a time that the system had for less than a minute", () => {
    const { step, passSeconds, offMs } = start();
    step(86_400_000);
    passSeconds(50);
    step(-86_400_000);
    passSeconds(60);
    step(70_000);
    passSeconds(59);
    step(-70_000);
    expect(Math.abs(offMs())).toBeLessThan(1_200);
  });

  test("hunts for nothing within the grain of the system's clock", () => {
    const { nowMs, step, pass, follow } = start();
    const beforeMs = nowMs();
    for (let second = 0; second < 100; second += 1) {
      step(second % 2 === 0 ? 20 : -20);
      follow();
      pass(1_000);
    }
    expect(nowMs() - beforeMs).toBe(100_000);
  });

  test("never goes back, whatever is done to the system's clock", () => {
    const deed = fc.record({ passes: fc.integer({ min: 0, max: 5_000 }), steps: fc.integer() });
    const run = (deeds: readonly { readonly passes: number; readonly steps: number }[]) => {
      const { nowMs, pass, step, follow } = start();
      return deeds.map(({ passes, steps }) => {
        const beforeMs = nowMs();
        pass(passes);
        step(steps);
        follow();
        const tookMs = nowMs() - beforeMs;
        return { passes, tookMs };
      });
    };
    fc.assert(
      fc.property(fc.array(deed), (deeds) => {
        for (const { passes, tookMs } of run(deeds)) {
          expect(tookMs).toBeGreaterThanOrEqual(passes * 0.99 - 0.01);
          expect(tookMs).toBeLessThanOrEqual(passes * 1.01 + 0.01);
        }
      }),
      { seed: 7 },
    );
  });
});
