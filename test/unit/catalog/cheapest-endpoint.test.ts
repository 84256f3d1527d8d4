import { describe, expect, test } from "vitest";
import { cheapestEndpoint } from "../../../src/catalog/cheapest-endpoint.ts";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { EMPTY_SCORES, type EndpointScore } from "../../../src/domain/score.ts";
import { exampleEndpoint } from "../../support/examples.ts";

const priced = (id: string, input?: number, output?: number, changes?: Partial<Endpoint>) =>
  exampleEndpoint(id, {
    pricing: { ...exampleEndpoint(id).pricing, inputPerMtok: input, outputPerMtok: output },
    ...changes,
  });
const cheapest = (...endpoints: readonly Endpoint[]) =>
  cheapestEndpoint(endpoints, EMPTY_SCORES)?.id;

function scored(success: Readonly<Record<string, number | undefined>>) {
  const none = { count: 0, p50: undefined, p95: undefined };
  const score = (ratio: number | undefined): EndpointScore => ({
    successes: 0,
    failures: 0,
    rateLimited: 0,
    firstTokenMs: none,
    tokensPerSecond: { ...none, p5: undefined },
    durationMs: none,
    success: ratio,
    uptime: undefined,
    recent: { successes: 0, failures: 0 },
    degraded: false,
  });
  return {
    scores: new Map(Object.entries(success).map(([id, ratio]) => [id as EndpointId, score(ratio)])),
  };
}

describe("cheapestEndpoint()", () => {
  test("is absent without endpoints", () => {
    expect(cheapest()).toBeUndefined();
  });

  test("has the lowest input price, whatever the output costs", () => {
    expect(cheapest(priced("a", 2, 1), priced("b", 1, 9))).toBe("b");
  });

  test("has the lower output price at equal input", () => {
    expect(cheapest(priced("a", 1, 2), priced("b", 1, 1))).toBe("b");
  });

  test("has the lower id at equal prices without scores, in any order", () => {
    expect(cheapest(priced("b", 1, 1), priced("a", 1, 1))).toBe("a");
    expect(cheapest(priced("a", 1, 1), priced("b", 1, 1))).toBe("a");
  });

  test("is the healthier one at equal prices", () => {
    const endpoints = [priced("a", 1, 1), priced("b", 1, 1), priced("c", 1, 1)];
    const scores = scored({ a: 0.938, b: 0.994, c: undefined });
    expect(cheapestEndpoint(endpoints, scores)?.id).toBe("b");
  });

  test("takes an unknown price for anything but free", () => {
    const known = priced("known", 1_000, 1_000);
    expect(cheapest(priced("no-input", undefined, 0), known)).toBe("known");
    expect(cheapest(priced("no-output", 0, undefined), known)).toBe("known");
    expect(cheapest(priced("nothing"))).toBeUndefined();
  });

  test("may be free", () => {
    expect(cheapest(priced("free", 0, 0), priced("paid", 1, 1))).toBe("free");
  });

  test("is switched on", () => {
    expect(cheapest(priced("off", 1, 1, { enabled: false }), priced("on", 2, 2))).toBe("on");
  });
});
