import { describe, expect, test } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { EMPTY_SCORES, type EndpointScore, type ScoreSnapshot } from "../../../src/domain/score.ts";
import { createTrafficClock } from "../../../src/health/traffic-clock.ts";
import { exampleScore } from "../../support/example-score.ts";
import { makeObservation } from "../score/make-observation.ts";

const a = "a" as EndpointId;

function clockOver(changes: Partial<EndpointScore> | undefined, windowEndMs = 1_000) {
  const snapshotOf = (of: Partial<EndpointScore> | undefined, endMs: number): ScoreSnapshot =>
    of === undefined
      ? EMPTY_SCORES
      : { revision: 1, windowEndMs: endMs, scores: new Map([[a, exampleScore(of)]]) };
  let scores = snapshotOf(changes, windowEndMs);
  return {
    clock: createTrafficClock(() => scores),
    publish(of: Partial<EndpointScore>, endMs: number) {
      scores = snapshotOf(of, endMs);
    },
  };
}

const idle = { successes: 0, failures: 0, rateLimited: 0, recent: { successes: 0, failures: 0 } };

describe("createTrafficClock()", () => {
  test("knows of no call where there was none", () => {
    expect(clockOver(undefined).clock.lastTrafficMs(a)).toBeUndefined();
    expect(clockOver(idle).clock.lastTrafficMs(a)).toBeUndefined();
  });

  test("knows the newest own attempt", () => {
    const { clock } = clockOver(undefined);
    clock.observe(makeObservation({ endedAtMs: 500 }));
    clock.observe(makeObservation({ endedAtMs: 400 }));
    expect(clock.lastTrafficMs(a)).toBe(500);
  });

  test.each([
    { name: "successes", recent: { successes: 1, failures: 0 } },
    { name: "failures", recent: { successes: 0, failures: 1 } },
  ])("takes recent $name of others for calls at the end of the window", ({ recent }) => {
    expect(clockOver({ ...idle, recent }).clock.lastTrafficMs(a)).toBe(1_000);
  });

  test("sees calls that were only rate limited by their growing count", () => {
    const { clock, publish } = clockOver(idle);
    expect(clock.lastTrafficMs(a)).toBeUndefined();
    publish({ ...idle, rateLimited: 1 }, 2_000);
    expect(clock.lastTrafficMs(a)).toBe(2_000);
    publish({ ...idle, rateLimited: 1 }, 3_000);
    expect(clock.lastTrafficMs(a)).toBe(2_000);
  });

  test("does not take what leaves the window for calls", () => {
    const { clock, publish } = clockOver({ ...idle, successes: 5 });
    expect(clock.lastTrafficMs(a)).toBe(1_000);
    publish({ ...idle, successes: 4 }, 2_000);
    expect(clock.lastTrafficMs(a)).toBe(1_000);
    publish({ ...idle, successes: 5 }, 3_000);
    expect(clock.lastTrafficMs(a)).toBe(3_000);
  });

  test("knows of the calls of others up to the end of the window, and of none without scores", () => {
    expect(clockOver(undefined).clock.knownUntilMs()).toBe(0);
    const { clock, publish } = clockOver(idle);
    expect(clock.knownUntilMs()).toBe(1_000);
    publish(idle, 2_000);
    expect(clock.knownUntilMs()).toBe(2_000);
  });

  test("believes the later of own attempts and shared scores", () => {
    const { clock } = clockOver({ ...idle, successes: 1 });
    clock.observe(makeObservation({ endedAtMs: 9_000 }));
    expect(clock.lastTrafficMs(a)).toBe(9_000);
  });
});
