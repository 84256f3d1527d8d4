import { describe, expect, it } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { createUrgentSignals, type UrgentSignal } from "../../../src/health/urgent-signals.ts";

const a = "a" as EndpointId;
const b = "b" as EndpointId;

const down: UrgentSignal = { kind: "state", state: "down", reason: "", ttlMs: 5_000 };
const open: UrgentSignal = { kind: "breaker", state: "open" };
const closed: UrgentSignal = { kind: "breaker", state: "closed" };
const probe: UrgentSignal = { kind: "probe", passed: true, firstTokenMs: undefined };

function rateLimit(retryAfterMs: number | undefined): UrgentSignal {
  const unknown = { requestsRemaining: undefined, tokensRemaining: undefined };
  return { kind: "rate-limit", ...unknown, retryAfterMs };
}

const load: UrgentSignal = {
  kind: "load",
  runningRequests: 1,
  waitingRequests: 0,
  kvCacheUsage: undefined,
  prefixCacheHitRate: undefined,
};

describe("createUrgentSignals()", () => {
  it("hands out in the order of arrival", () => {
    const signals = createUrgentSignals(10);
    signals.put(a, open, 0);
    signals.put(b, open, 0);
    signals.put(a, load, 0);
    const taken = [signals.take(0), signals.take(0), signals.take(0), signals.take(0)];
    expect(taken.map((due) => due && [due.endpoint, due.signal.kind])).toEqual([
      ["a", "breaker"],
      ["b", "breaker"],
      ["a", "load"],
      undefined,
    ]);
  });

  it("replaces an older signal of the kind by the newest, in the older one's place", () => {
    const signals = createUrgentSignals(10);
    signals.put(a, open, 0);
    signals.put(b, open, 0);
    signals.put(a, closed, 7);
    expect(signals.size()).toBe(2);
    expect(signals.take(7)).toMatchObject({ endpoint: a, signal: closed, observedAtMs: 7 });
    signals.put(a, open, 8);
    expect(signals.take(8)).toMatchObject({ endpoint: b });
    expect(signals.take(8)).toMatchObject({ endpoint: a, signal: open });
  });

  it("refuses more endpoints and kinds than its limit", () => {
    const signals = createUrgentSignals(1);
    signals.put(a, open, 0);
    signals.put(b, open, 0);
    signals.put(a, closed, 0);
    expect([signals.size(), signals.dropped()]).toEqual([1, 1]);
  });

  it("hands over a claim as it was made, with the time of its making", () => {
    const signals = createUrgentSignals(10);
    signals.put(a, down, 1_000);
    expect(signals.take(3_000)).toEqual({
      endpoint: a,
      signal: down,
      observedAtMs: 1_000,
      untilMs: 6_000,
    });
  });

  it("drops any number that lapsed, also of those that are held", () => {
    const signals = createUrgentSignals(100_000);
    for (let number = 0; number < 100_000; number += 1) {
      signals.put(`endpoint-${number}` as EndpointId, load, 0);
    }
    expect(signals.take(30_000, () => true)).toBeUndefined();
    expect(signals.size()).toBe(100_000);
    signals.release();
    expect(signals.take(60_000, () => true)).toBeUndefined();
    expect([signals.size(), signals.dropped()]).toEqual([0, 100_000]);
  });

  it("takes what a rate limit waited from the provider's wait", () => {
    const signals = createUrgentSignals(10);
    signals.put(a, rateLimit(8_000), 1_000);
    signals.put(b, rateLimit(undefined), 1_000);
    expect(signals.take(3_000)).toMatchObject({ signal: { retryAfterMs: 6_000 }, untilMs: 9_000 });
    expect(signals.take(3_000)).toMatchObject({
      signal: { retryAfterMs: undefined },
      untilMs: 11_000,
    });
  });

  it.each([
    { name: "a claim", signal: down, lifeMs: 5_000 },
    { name: "a rate limit with a wait", signal: rateLimit(8_000), lifeMs: 8_000 },
    { name: "a rate limit without one", signal: rateLimit(undefined), lifeMs: 10_000 },
    { name: "a load", signal: load, lifeMs: 60_000 },
    { name: "a probe", signal: probe, lifeMs: 60_000 },
    { name: "a breaker", signal: open, lifeMs: 1_800_000 },
  ])("drops $name that waited longer than $lifeMs ms", ({ signal, lifeMs }) => {
    const signals = createUrgentSignals(10);
    signals.put(a, signal, 0);
    expect(signals.take(lifeMs - 1)).toMatchObject({ untilMs: lifeMs });
    signals.put(a, signal, 0);
    signals.put(b, open, lifeMs);
    expect(signals.take(lifeMs)).toMatchObject({ endpoint: b });
    expect([signals.size(), signals.dropped()]).toEqual([0, 1]);
  });

  it("names the attempt behind the newest of a kind", () => {
    const signals = createUrgentSignals(10);
    const first = { traceId: "1".repeat(32), spanId: "1".repeat(16), traceState: "" };
    signals.put(a, open, 0);
    signals.put(a, closed, 0, first);
    signals.put(b, open, 0, first);
    signals.put(b, closed, 0);
    expect(signals.take(0)?.origins).toEqual({ first });
    expect(signals.take(0)?.origins).toBeUndefined();
  });
});
