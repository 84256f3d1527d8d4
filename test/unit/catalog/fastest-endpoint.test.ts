import { describe, expect, test } from "vitest";
import { fastestEndpoint } from "../../../src/catalog/fastest-endpoint.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { EndpointScore } from "../../../src/domain/score.ts";
import { exampleEndpoint } from "../../support/examples.ts";

function scored(p95s: Readonly<Record<string, number | undefined>>) {
  const none = { count: 0, p50: undefined, p95: undefined };
  const score = (p95: number | undefined): EndpointScore => ({
    successes: 0,
    failures: 0,
    rateLimited: 0,
    firstTokenMs: none,
    tokensPerSecond: { count: 0, p5: undefined, p50: undefined, p95 },
    durationMs: none,
    success: undefined,
    uptime: undefined,
    recent: { successes: 0, failures: 0 },
    degraded: false,
  });
  return {
    scores: new Map(Object.entries(p95s).map(([id, p95]) => [id as EndpointId, score(p95)])),
  };
}

const endpoints = ["a", "b", "c"].map((id) => exampleEndpoint(id));

describe("fastestEndpoint()", () => {
  test("has the highest throughput p95", () => {
    expect(fastestEndpoint(endpoints, scored({ a: 16, b: 67, c: 16 }))?.id).toBe("b");
  });

  test("is the first of equals", () => {
    expect(fastestEndpoint(endpoints, scored({ b: 67, c: 67 }))?.id).toBe("b");
  });

  test("is absent while no throughput has been measured", () => {
    expect(fastestEndpoint(endpoints, scored({ a: undefined }))).toBeUndefined();
    expect(fastestEndpoint([], scored({ a: 1 }))).toBeUndefined();
  });

  test("is switched on", () => {
    const off = exampleEndpoint("a", { enabled: false });
    const others = endpoints.slice(1);
    expect(fastestEndpoint([off, ...others], scored({ a: 99, c: 1 }))?.id).toBe("c");
  });
});
