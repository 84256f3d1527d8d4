import { describe, expect, it } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { createRefusedEndpoints, RETRIAL_MS } from "../../../src/health/refused-endpoints.ts";

const START_MS = 1_800_000_000_000;
const [a, b, c] = ["a", "b", "c"] as [EndpointId, EndpointId, EndpointId];

describe("createRefusedEndpoints()", () => {
  it("holds an endpoint for a minute from when it was refused, or tried again", () => {
    const refused = createRefusedEndpoints(10);
    refused.refuse(a, START_MS);
    expect(refused.isHeld(a, START_MS + RETRIAL_MS - 1)).toBe(true);
    expect(refused.isHeld(a, START_MS + RETRIAL_MS)).toBe(false);
    expect(refused.has(a)).toBe(true);
    refused.tried(a, START_MS + RETRIAL_MS);
    expect(refused.isHeld(a, START_MS + RETRIAL_MS)).toBe(true);
  });

  it("holds no other, whatever is tried", () => {
    const refused = createRefusedEndpoints(10);
    refused.refuse(a, START_MS);
    refused.tried(b, START_MS);
    expect([refused.isHeld(b, START_MS), refused.has(b)]).toEqual([false, false]);
  });

  it("holds nothing of an endpoint once one of its reports is taken", () => {
    const refused = createRefusedEndpoints(10);
    refused.refuse(a, START_MS);
    expect([refused.accept(a), refused.accept(a)]).toEqual([true, false]);
    expect(refused.isHeld(a, START_MS)).toBe(false);
  });

  it("does not hold for longer because a clock went back", () => {
    const refused = createRefusedEndpoints(10);
    refused.refuse(a, START_MS);
    expect(refused.isHeld(a, START_MS - 3_600_000)).toBe(false);
  });

  it("says when the first of what was laid aside comes again", () => {
    const refused = createRefusedEndpoints(10);
    refused.refuse(a, START_MS);
    refused.refuse(b, START_MS + 5);
    expect(refused.resumesAtMs()).toBe(Number.POSITIVE_INFINITY);
    expect([b, a, c].map((endpoint) => refused.layAside(endpoint, START_MS + 10))).toEqual([
      true,
      true,
      false,
    ]);
    expect(refused.resumesAtMs()).toBe(START_MS + RETRIAL_MS);
    refused.resume();
    expect(refused.resumesAtMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it("forgets the first that was refused beyond its limit", () => {
    const refused = createRefusedEndpoints(2);
    refused.refuse(a, START_MS);
    refused.refuse(b, START_MS);
    refused.refuse(b, START_MS);
    refused.refuse(c, START_MS);
    expect([a, b, c].map(refused.has)).toEqual([false, true, true]);
    refused.clear();
    expect([a, b, c].map(refused.has)).toEqual([false, false, false]);
  });
});
