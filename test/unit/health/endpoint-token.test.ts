import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { HealthSignal } from "../../../src/domain/health.ts";
import {
  createTokenCheck,
  scoreKeyOf,
  TICK_TOKEN,
  tokenOf,
} from "../../../src/health/endpoint-token.ts";

const tokens = /^[A-Za-z0-9-][A-Za-z0-9_-]{0,127}$/;

describe("tokenOf()", () => {
  it("gives an id that is a token as it is", () => {
    expect(tokenOf("Azure_one-2")).toBe("Azure_one-2");
  });

  it.each([
    { name: "slashes and dots", id: "azure/gpt-4.1", prefix: "azure-gpt-4-1-" },
    { name: "a leading underscore", id: "__tick", prefix: "tick-" },
    { name: "more than 128 characters", id: "a".repeat(129), prefix: "a".repeat(111) },
    { name: "letters of other scripts", id: "größe", prefix: "gr--e-" },
  ])("cleans $name and tells them apart by a hash", ({ id, prefix }) => {
    const token = tokenOf(id);
    expect(token.startsWith(prefix)).toBe(true);
    expect(token).toMatch(/-[0-9a-f]{16}$/);
    expect(token.length).toBeLessThanOrEqual(128);
  });

  it("is the hash alone when nothing is left of the id", () => {
    expect(tokenOf("___")).toMatch(/^[0-9a-f]{16}$/);
  });

  it("is what the command in docs/health.md prints", () => {
    const text = readFileSync("docs/health.md", "utf8");
    const [, id = "", printed] = /\$ id=(\S+)\n.*\n +(\S+)\n/.exec(text) ?? [];
    expect(id).toBe("vllm-eu/llama-4-scout");
    expect(tokenOf(id)).toBe(printed);
  });

  it("lets nobody choose an id that is the token of another", () => {
    const token = tokenOf("azure/one");
    expect(tokenOf(token)).not.toBe(token);
    expect(tokenOf(tokenOf("___"))).not.toBe(tokenOf("___"));
  });

  it("gives different tokens of the allowed form to different ids", () => {
    const id = fc.oneof(fc.string(), fc.stringMatching(/^[a-c_/-]{0,4}$/));
    fc.assert(
      fc.property(id, id, (left, right) => {
        fc.pre(left !== right);
        expect(tokenOf(left)).toMatch(tokens);
        expect(tokenOf(left)).not.toBe(tokenOf(right));
        expect(tokenOf(left)).not.toBe(TICK_TOKEN);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });
});

describe("scoreKeyOf()", () => {
  it("names the entry of a model", () => {
    expect(scoreKeyOf("one")).toBe("scores.one");
    expect(scoreKeyOf("acme/one")).toMatch(/^scores\.acme-one-[0-9a-f]{16}$/);
  });
});

describe("createTokenCheck()", () => {
  const open: HealthSignal = { kind: "breaker", state: "open" };
  const told = (endpoint: string, signal: HealthSignal = open) => ({
    endpoint: endpoint as EndpointId,
    signal,
  });

  it("takes the token of the endpoint that is named, and no other", () => {
    const isTokenOf = createTokenCheck();
    for (let time = 0; time < 2; time += 1) {
      expect(isTokenOf(tokenOf("azure/one"), told("azure/one"))).toBe(true);
      expect(isTokenOf("azure-one", told("azure/one"))).toBe(false);
      expect(isTokenOf("b", told("a"))).toBe(false);
      expect(isTokenOf("a", told("a"))).toBe(true);
    }
  });

  it("keeps ticks and endpoints apart", () => {
    const isTokenOf = createTokenCheck();
    const tick = told("", { kind: "tick" });
    expect(isTokenOf(TICK_TOKEN, tick)).toBe(true);
    expect(isTokenOf("a", tick)).toBe(false);
    expect(isTokenOf(tokenOf(""), tick)).toBe(false);
    expect(isTokenOf(TICK_TOKEN, told("_tick"))).toBe(false);
    expect(isTokenOf(TICK_TOKEN, told("tick"))).toBe(false);
  });

  it("agrees with tokenOf() however many endpoints there are", () => {
    const isTokenOf = createTokenCheck();
    const wrong: string[] = [];
    for (let index = 0; index < 40_000; index += 1) {
      const id = `endpoint-${index}`;
      wrong.push(...(isTokenOf(id, told(id)) ? [] : [id]));
      wrong.push(...(isTokenOf("endpoint-0", told(`${id}x`)) ? [id] : []));
    }
    expect(wrong).toEqual([]);
    expect(isTokenOf("endpoint-0", told("endpoint-0"))).toBe(true);
  });
});
