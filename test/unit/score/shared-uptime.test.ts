import { describe, expect, test } from "vitest";
import type { OutsideState } from "../../../src/domain/health.ts";
import { createCanonicalBytes } from "../../../src/score/canonical-bytes.ts";
import { createOutsideClaims } from "../../../src/score/outside-claims.ts";
import { createSharedUptime } from "../../../src/score/shared-uptime.ts";

const MINUTE_MS = 60_000;

function createUptime() {
  const claims = createOutsideClaims();
  const uptime = createSharedUptime(claims);
  return {
    ...uptime,
    claim(minute: number, minutes: number, state: OutsideState) {
      const untilMs = (minute + minutes) * MINUTE_MS;
      claims.add({ state, reason: "", untilMs }, minute * MINUTE_MS);
    },
    prune: claims.prune,
    bytes(minute: number) {
      const bytes = createCanonicalBytes();
      uptime.write(bytes, minute);
      return Buffer.from(bytes.view()).toString("hex");
    },
  };
}

describe("createSharedUptime()", () => {
  test("knows nothing at first", () => {
    expect(createUptime().read(9)).toEqual({ goodMinutes: 0, observedMinutes: 0 });
    expect(createUptime().isEmpty(9)).toBe(true);
  });

  test("calls a minute good at 95 % of its results", () => {
    const uptime = createUptime();
    uptime.addResults(0, 19, 1);
    uptime.addResults(1, 18, 1);
    uptime.addResults(2, 0, 0);
    expect(uptime.read(3)).toEqual({ goodMinutes: 1, observedMinutes: 2 });
  });

  test("calls a minute without results good when its probes passed", () => {
    const uptime = createUptime();
    uptime.addProbe(0, true);
    uptime.addProbe(1, false);
    uptime.addProbe(2, true);
    uptime.addProbe(2, false);
    expect(uptime.read(3)).toEqual({ goodMinutes: 1, observedMinutes: 3 });
  });

  test.each<{ name: string; failures: number; passed: boolean; goodMinutes: number }>([
    {
      name: "bad whose calls fail and whose probe passes",
      failures: 5,
      passed: true,
      goodMinutes: 0,
    },
    {
      name: "good whose calls succeed and whose probe fails",
      failures: 0,
      passed: false,
      goodMinutes: 1,
    },
  ])("calls a minute $name", ({ failures, passed, goodMinutes }) => {
    const uptime = createUptime();
    uptime.addProbe(0, passed);
    uptime.addResults(0, 5, failures);
    expect(uptime.read(1)).toEqual({ goodMinutes, observedMinutes: 1 });
  });

  test.each<{ state: OutsideState; goodMinutes: number }>([
    { state: "up", goodMinutes: 1 },
    { state: "degraded", goodMinutes: 0 },
    { state: "down", goodMinutes: 0 },
    { state: "draining", goodMinutes: 0 },
  ])("observes a minute that is claimed to be $state", ({ state, goodMinutes }) => {
    const uptime = createUptime();
    uptime.claim(3, 1, state);
    expect(uptime.read(4)).toEqual({ goodMinutes, observedMinutes: 1 });
  });

  test("asks for claims only where there is neither result nor probe", () => {
    const uptime = createUptime();
    uptime.addResults(0, 1, 0);
    uptime.addProbe(1, true);
    uptime.claim(0, 10, "down");
    expect(uptime.read(3)).toEqual({ goodMinutes: 2, observedMinutes: 3 });
  });

  test("leaves a claim that has lapsed the minutes it spoke for, until its own is gone", () => {
    const uptime = createUptime();
    uptime.claim(0, 10, "up");
    expect(uptime.read(9)).toEqual({ goodMinutes: 9, observedMinutes: 9 });
    for (const minute of [10, 11, 30]) {
      uptime.prune(minute);
      expect(uptime.read(minute)).toEqual({ goodMinutes: 10, observedMinutes: 10 });
    }
    uptime.prune(31);
    expect(uptime.read(31)).toEqual({ goodMinutes: 0, observedMinutes: 0 });
  });

  test("observes the minutes between the claims of who repeats them every two minutes", () => {
    const uptime = createUptime();
    for (let minute = 0; minute < 10; minute += 2) {
      uptime.claim(minute, 2.5, "up");
    }
    expect(uptime.read(10)).toEqual({ goodMinutes: 10, observedMinutes: 10 });
  });

  test("judges anew when it is claimed later what a minute was", () => {
    const uptime = createUptime();
    uptime.addResults(0, 1, 0);
    expect(uptime.read(5)).toEqual({ goodMinutes: 1, observedMinutes: 1 });
    uptime.claim(2, 1, "up");
    expect(uptime.read(5)).toEqual({ goodMinutes: 2, observedMinutes: 2 });
    uptime.claim(2.5, 1, "down");
    expect(uptime.read(5)).toEqual({ goodMinutes: 1, observedMinutes: 3 });
  });

  test("judges thirty minutes and not the running one", () => {
    const uptime = createUptime();
    uptime.addResults(5, 1, 0);
    expect([5, 6, 35, 36].map((minute) => uptime.read(minute).observedMinutes)).toEqual([
      0, 1, 1, 0,
    ]);
    expect([5, 35, 36].map(uptime.isEmpty)).toEqual([false, false, true]);
  });

  test("takes what comes late into account", () => {
    const uptime = createUptime();
    uptime.addResults(4, 1, 0);
    expect(uptime.read(5)).toEqual({ goodMinutes: 1, observedMinutes: 1 });
    uptime.addResults(5, 1, 0);
    expect(uptime.read(5)).toEqual({ goodMinutes: 1, observedMinutes: 1 });
    uptime.addResults(4, 0, 1);
    expect(uptime.read(5)).toEqual({ goodMinutes: 0, observedMinutes: 1 });
    uptime.addProbe(3, true);
    expect(uptime.read(5)).toEqual({ goodMinutes: 1, observedMinutes: 2 });
  });

  test("writes what it knows of the window and nothing else", () => {
    const one = createUptime();
    one.addResults(0, 1, 0);
    one.addProbe(0, true);
    one.addResults(40, 2, 1);
    const other = createUptime();
    other.addResults(40, 2, 1);
    expect(one.bytes(40)).toBe(other.bytes(40));
    other.addProbe(40, true);
    expect(one.bytes(40)).not.toBe(other.bytes(40));
    expect(one.bytes(80)).toBe(createUptime().bytes(80));
  });

  test("writes what became known of a minute after it was written", () => {
    const late = createUptime();
    late.addResults(38, 2, 1);
    late.addResults(40, 1, 0);
    const first = late.bytes(40);
    late.addResults(39, 5, 0);
    const second = late.bytes(40);
    late.addProbe(37, false);
    expect(new Set([first, second, late.bytes(40)]).size).toBe(3);
    const inTime = createUptime();
    inTime.addProbe(37, false);
    inTime.addResults(38, 2, 1);
    inTime.addResults(39, 5, 0);
    inTime.addResults(40, 1, 0);
    expect(late.bytes(40)).toBe(inTime.bytes(40));
    expect(late.bytes(41)).toBe(inTime.bytes(41));
  });

  test("holds probes only once there are any", () => {
    const uptime = createUptime();
    const before = uptime.heldBytes();
    uptime.addProbe(0, true);
    expect(uptime.heldBytes()).toBe(2 * before);
  });
});
