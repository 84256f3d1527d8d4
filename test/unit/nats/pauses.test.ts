import { describe, expect, test } from "vitest";
import { createPauses } from "../../../src/nats/pauses.ts";
import { createManualClock } from "../../support/manual-clock.ts";

describe("createPauses()", () => {
  test("backs off from 0.25 s to 1 s, spread over the upper half", () => {
    const { schedule } = createManualClock();
    const [low, high] = [0, 1].map((value) => createPauses(schedule, () => value));
    const failures = [0, 1, 2, 3, 1_000];
    expect(failures.map((count) => high?.backoffMs(count))).toEqual([
      250, 500, 1_000, 1_000, 1_000,
    ]);
    expect(failures.map((count) => low?.backoffMs(count))).toEqual([125, 250, 500, 500, 500]);
  });

  test("ending wakes whoever pauses, and nobody pauses afterwards", async () => {
    const { schedule, pending, advance } = createManualClock();
    const pauses = createPauses(schedule, () => 0);
    const woken: string[] = [];
    const pause = async (name: string, ms: number) => {
      await pauses.pause(ms);
      woken.push(name);
    };
    const all = [pause("short", 10), pause("long", 10_000)];
    await advance(10);
    expect(woken).toEqual(["short"]);
    pauses.end();
    await Promise.all([...all, pause("late", 10)]);
    expect(woken).toEqual(["short", "long", "late"]);
    expect(pending()).toBe(0);
  });
});
