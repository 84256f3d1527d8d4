import { describe, expect, it } from "vitest";
import { describeReport } from "../../../src/cli/describe-report.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { HealthSignal } from "../../../src/domain/health.ts";

const NONE = { buckets: [], counts: [] };

const texts: readonly (readonly [HealthSignal, string])[] = [
  [
    {
      kind: "outcomes",
      slice: 7,
      layoutVersion: 1,
      successes: 12,
      failures: new Map([["server-error", 2]]),
      firstToken: NONE,
      throughput: NONE,
      duration: NONE,
    },
    "results: 12 ok, 2 server-error (slice 7)",
  ],
  [
    { kind: "state", state: "down", reason: "fire", ttlMs: 60_000 },
    "reported down for 60.0 s: fire",
  ],
  [{ kind: "state", state: "up", reason: "", ttlMs: 500 }, "reported up for 500 ms"],
  [
    {
      kind: "rate-limit",
      requestsRemaining: 0,
      tokensRemaining: undefined,
      retryAfterMs: 2_000,
    },
    "rate limit: 0 requests left, again in 2.00 s",
  ],
  [{ kind: "breaker", state: "half-open" }, "breaker half-open"],
  [
    {
      kind: "load",
      runningRequests: 3,
      waitingRequests: 0,
      kvCacheUsage: 0.5,
      prefixCacheHitRate: 0.25,
    },
    "load: 3 running, 0 waiting, KV cache 50 %, prefix hits 25 %",
  ],
  [{ kind: "probe", passed: true, firstTokenMs: 120 }, "probe passed after 120 ms"],
  [{ kind: "probe", passed: false, firstTokenMs: undefined }, "probe failed"],
];

const reportOf = (signal: HealthSignal, endpoint = "a/b") => ({
  producer: "router-1",
  boot: 1n,
  sequence: 1,
  endpoint: endpoint as EndpointId,
  model: "m",
  observedAtMs: 0,
  signal,
});

describe("describeReport()", () => {
  it.each(texts)("puts %o in one line", (signal, text) => {
    expect(describeReport(reportOf(signal))).toBe(`a/b  ${text}  from router-1`);
  });

  it("names no endpoint where a report has none", () => {
    expect(describeReport(reportOf({ kind: "tick" }, ""))).toBe(
      "(no endpoint)  tick  from router-1",
    );
  });
});
