import { describe, expect, test } from "vitest";
import { createUptime, endOfMinute, minuteOf } from "../../../src/score/uptime.ts";

function uptimeOf(minutes: readonly (readonly [successes: number, failures: number])[]) {
  const uptime = createUptime();
  minutes.forEach(([successes, failures], minute) => {
    uptime.addResults(minute, successes, failures);
  });
  return uptime.read(minutes.length);
}

describe("minuteOf()", () => {
  test("changes every sixty seconds", () => {
    expect([0, 59_999.9, 60_000].map(minuteOf)).toEqual([0, 0, 1]);
  });
});

describe("createUptime()", () => {
  test("has no ratio below five observed minutes", () => {
    const four = Array.from({ length: 4 }, () => [1, 0] as const);
    expect(uptimeOf(four)).toEqual({ observedMinutes: 4, ratio: undefined });
    expect(uptimeOf([...four, [0, 1]])).toEqual({ observedMinutes: 5, ratio: 0.8 });
  });

  test("counts a minute with exactly 95 % successes as good", () => {
    const good = Array.from({ length: 4 }, () => [1, 0] as const);
    expect(uptimeOf([...good, [19, 1]]).ratio).toBe(1);
    expect(uptimeOf([...good, [18, 1]]).ratio).toBe(0.8);
  });

  test("takes minutes without results as unknown and not as up", () => {
    const uptime = createUptime();
    for (const minute of [0, 3, 9, 12, 20]) {
      uptime.addResults(minute, minute === 9 ? 0 : 1, minute === 9 ? 1 : 0);
    }
    uptime.addResults(21, 0, 0);
    expect(uptime.read(25)).toEqual({ observedMinutes: 5, ratio: 0.8 });
  });

  test("judges the running minute only when it is over", () => {
    const uptime = createUptime();
    uptime.addResults(5, 0, 1);
    expect(uptime.read(5).observedMinutes).toBe(0);
    expect(uptime.read(6).observedMinutes).toBe(1);
  });

  test("forgets a minute after thirty others", () => {
    const uptime = createUptime();
    uptime.addResults(5, 1, 0);
    expect(uptime.read(35).observedMinutes).toBe(1);
    expect(uptime.read(36).observedMinutes).toBe(0);
  });

  test("holds less than a kilobyte", () => {
    expect(createUptime().heldBytes()).toBeLessThan(1_024);
  });
});

describe("endOfMinute()", () => {
  test("is when a minute is no longer judged", () => {
    const uptime = createUptime();
    uptime.addResults(5, 1, 0);
    const end = endOfMinute(5);
    expect([end - 1, end].map((nowMs) => uptime.read(minuteOf(nowMs)).observedMinutes)).toEqual([
      1, 0,
    ]);
  });
});
