import { describe, expect, test } from "vitest";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { completeSpanOf } from "../../../src/trace/complete-span.ts";
import { exampleCall, exampleEndpoint, exampleSpec } from "../../support/examples.ts";
import { shownSpan } from "../../support/shown-span.ts";
import {
  exampleAttempt,
  exampleRefusal,
  exampleResult,
  RECEIVED_AT_MS,
  timings,
  usage,
} from "./call-fixture.ts";

const names = attributeNamesOf(undefined);

function spanOf(...facts: Parameters<typeof completeSpanOf>) {
  return shownSpan(completeSpanOf(...facts));
}

describe("completeSpanOf()", () => {
  test("tells where the call went, what it cost and where its time went", () => {
    const call = exampleCall({
      policy: { ...defaultPolicy, operation: "support.reply" },
      caller: { application: "desk", endUserHash: "h", labels: { secret: "x" } },
    });
    const span = spanOf(call, exampleResult(), names);
    expect(span).toMatchObject({
      name: "atlas.complete",
      kind: "internal",
      spanId: "b7ad6b7169203331",
      parentSpanId: "b7ad6b7169203330",
      parentIsRemote: false,
      startedAtMs: RECEIVED_AT_MS,
      endedAtMs: RECEIVED_AT_MS + 405,
      error: undefined,
    });
    expect(JSON.parse(JSON.stringify(span.attributes))).toEqual({
      "atlas.call.id": call.id,
      "atlas.tier": "standard",
      "atlas.operation": "support.reply",
      "atlas.caller.application": "desk",
      "atlas.streaming": true,
      "gen_ai.request.model": "acme/one",
      "atlas.endpoint": "acme/eu/one",
      "atlas.provider": "acme",
      "atlas.cost.nano_usd": 1_234,
      "atlas.prices.version": "0a1b2c3d4e5f",
      "gen_ai.usage.input_tokens": 123,
      "gen_ai.usage.output_tokens": 57,
      "gen_ai.usage.cache_read.input_tokens": 20,
      "gen_ai.usage.cache_creation.input_tokens": 3,
      "gen_ai.usage.reasoning.output_tokens": 7,
      "atlas.usage.source": "provider",
      "atlas.output_tokens_per_second": 50,
      "atlas.timings.plan_ms": 1,
      "atlas.timings.upstream_first_token_ms": 100,
      "atlas.timings.upstream_generation_ms": 300,
      "atlas.timings.router_overhead_ms": 4,
      "atlas.timings.total_ms": 405,
    });
  });

  test("leaves a cost out that is not known", () => {
    const cost = { total: undefined, input: 0, output: 0, cache: 0, request: 0 };
    const { attributes } = spanOf(exampleCall(), exampleResult({ cost }), names);
    expect(attributes["atlas.cost.nano_usd"]).toBeUndefined();
  });

  test("tells of waits, fallbacks and what broke off, and of the endpoint that was last", () => {
    const second = exampleAttempt({ number: 2, endpoint: exampleEndpoint("b/one") });
    const { attributes, error } = spanOf(
      exampleCall({ streaming: false }),
      exampleResult({
        attempts: [exampleAttempt(), second],
        timings: { ...timings, queue: 8, failedAttempts: 9 },
        partial: true,
        outputTokensPerSecond: 0,
        usage: { ...usage, cacheRead: 0, cacheWrite: 0, reasoningOutput: 0 },
        error: new RouterError("stream-interrupted", "the provider said canary"),
      }),
      names,
    );
    expect(error).toBe("stream-interrupted");
    expect(JSON.stringify(attributes)).not.toContain("canary");
    expect(attributes).toMatchObject({
      "atlas.endpoint": "b/one",
      "atlas.fallback.count": 1,
      "atlas.partial": true,
      "atlas.timings.queue_ms": 8,
      "atlas.timings.failed_attempts_ms": 9,
      "error.type": "stream-interrupted",
      "atlas.error.source": "upstream",
    });
    const absent = [
      "atlas.streaming",
      "gen_ai.usage.cache_read.input_tokens",
      "atlas.output_tokens_per_second",
    ];
    expect(absent.map((key) => attributes[key])).toEqual([undefined, undefined, undefined]);
  });

  test("of a refused call has no usage and no cost, and a name of any length is cut", () => {
    const call = exampleCall({ spec: exampleSpec({ model: "m".repeat(5_000) }) });
    const { attributes } = spanOf(call, exampleRefusal(), names);
    expect(attributes["gen_ai.request.model"]).toHaveLength(200);
    expect(attributes["gen_ai.usage.input_tokens"]).toBeUndefined();
    expect(attributes["atlas.endpoint"]).toBeUndefined();
    expect(attributes["atlas.error.source"]).toBe("caller");
  });

  test("of a call that nothing admitted names the endpoint that was decided on", () => {
    const { decision } = exampleResult();
    const { attributes } = spanOf(exampleCall(), exampleRefusal({ decision }), names);
    expect(attributes["atlas.endpoint"]).toBe("acme/eu/one");
  });

  test("leaves out every part of the time that is 0", () => {
    const none = { ...timings, plan: 0, upstreamFirstToken: 0, upstreamGeneration: 0, total: 0 };
    const end = exampleResult({ timings: { ...none, routerOverhead: 0 } });
    const { attributes } = spanOf(exampleCall(), end, names);
    const told = Object.entries(attributes).filter(
      ([key, value]) => key.startsWith("atlas.timings.") && value !== undefined,
    );
    expect(told).toEqual([["atlas.timings.total_ms", 0]]);
  });
});
