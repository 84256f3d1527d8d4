import { describe, expect, test } from "vitest";
import type { Block } from "../../../src/domain/score.ts";
import { availabilityOf } from "../../../src/plan/availability.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import { contender, NOW_MS } from "./plan-fixture.ts";

function blockedContender(id: string, reason: Block["reason"], forMs = 1_000): Contender {
  return contender(id, { block: { reason, untilMs: NOW_MS + forMs } });
}

/** Kind and, where there are any, ids of the usable. */
function availability(...contenders: readonly Contender[]) {
  const result = availabilityOf(contenders);
  return {
    kind: result.kind,
    ids: "usable" in result ? result.usable.map(({ forecast }) => forecast.endpoint.id) : [],
  };
}

const sound = contender("sound");
const full = blockedContender("full", "at-concurrency-limit", 30);

describe("availabilityOf()", () => {
  test("is empty without any endpoint", () => {
    expect(availability()).toEqual({ kind: "empty", ids: [] });
  });

  test("hands back the same list when every endpoint takes calls", () => {
    const all = [sound, contender("b")];
    expect(availabilityOf(all)).toEqual({ kind: "ready", usable: all, tooSlow: false });
    expect((availabilityOf(all) as { usable: unknown }).usable).toBe(all);
  });

  test.each(["breaker-open", "rate-limited", "at-concurrency-limit"] as const)(
    "leaves out what is %s while half of the endpoints are left",
    (reason) => {
      expect(availability(sound, blockedContender("b", reason))).toEqual({
        kind: "ready",
        ids: ["sound"],
      });
    },
  );

  test("lets breakers remove half at most and keeps those that recover at the soonest", () => {
    const broken = [9_000, 1_000, 5_000].map((ms) => blockedContender(`${ms}`, "breaker-open", ms));
    expect(availability(sound, ...broken)).toEqual({ kind: "ready", ids: ["sound", "1000"] });
    expect(availability(sound, contender("b"), ...broken)).toEqual({
      kind: "ready",
      ids: ["sound", "b", "1000"],
    });
  });

  test("lets cooldowns remove as many as they must", () => {
    const limited = ["a", "b", "c"].map((id) => blockedContender(id, "rate-limited"));
    expect(availability(sound, ...limited)).toEqual({ kind: "ready", ids: ["sound"] });
  });

  test("leaves out what is too slow, unless everything is", () => {
    const slow = contender("slow", { tooSlow: true });
    const broken = blockedContender("broken", "breaker-open");
    expect(availabilityOf([sound, slow])).toMatchObject({ usable: [sound], tooSlow: false });
    expect(availabilityOf([slow])).toMatchObject({ usable: [slow], tooSlow: true });
    expect(availabilityOf([slow, broken])).toMatchObject({ usable: [slow], tooSlow: true });
  });

  test("panics with all that breakers and cooldowns hold back", () => {
    expect(
      availability(blockedContender("a", "breaker-open"), blockedContender("b", "rate-limited")),
    ).toEqual({ kind: "panic", ids: ["a", "b"] });
  });

  test("is saturated, and no panic, while a working endpoint is full", () => {
    expect(availabilityOf([full])).toEqual({ kind: "saturated", untilMs: NOW_MS + 30 });
    expect(availability(full, blockedContender("b", "breaker-open")).kind).toBe("saturated");
    expect(availability(full, blockedContender("b", "rate-limited")).kind).toBe("saturated");
  });

  test("panics without the full ones when breakers have removed more than their part", () => {
    const broken = ["a", "b"].map((id) => blockedContender(id, "breaker-open"));
    expect(availability(full, ...broken)).toEqual({ kind: "panic", ids: ["a", "b"] });
  });
});
