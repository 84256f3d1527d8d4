import { describe, expect, test } from "vitest";
import type { SamplingParams } from "../../../src/domain/completion.ts";
import { type Cost, UNKNOWN_COST } from "../../../src/domain/money.ts";
import { type AttemptSpanInput, attemptSpanOf } from "../../../src/trace/attempt-span.ts";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { exampleCall, exampleSpec, exampleTrace } from "../../support/examples.ts";
import { shownSpan } from "../../support/shown-span.ts";
import { exampleAttempt, RECEIVED_AT_MS, usage } from "./call-fixture.ts";

function spanOf(changes: Partial<AttemptSpanInput> = {}) {
  const span = attemptSpanOf({
    call: exampleCall(),
    attempt: exampleAttempt(),
    names: attributeNamesOf(undefined),
    content: undefined,
    server: undefined,
    ...changes,
  });
  return shownSpan(span);
}

function withSampling(changes: Partial<SamplingParams>) {
  const spec = exampleSpec();
  return exampleCall({ spec: { ...spec, sampling: { ...spec.sampling, ...changes } } });
}

describe("attemptSpanOf()", () => {
  test("says why each choice ended, though no content is recorded", () => {
    const finishReasons = ["stop", "length"] as const;
    const { attributes } = spanOf({ attempt: exampleAttempt({ finishReasons }) });
    expect(attributes["gen_ai.response.finish_reasons"]).toEqual(["stop", "length"]);
    expect(spanOf().attributes["gen_ai.response.finish_reasons"]).toBeUndefined();
  });

  test("is a call of a provider in the words of the conventions", () => {
    const span = spanOf({ server: { host: "api.acme.test", port: 443 } });
    expect(span).toMatchObject({
      name: "chat acme/one",
      kind: "client",
      spanId: "b7ad6b7169203333",
      parentSpanId: "b7ad6b7169203331",
      startedAtMs: RECEIVED_AT_MS + 3,
      endedAtMs: RECEIVED_AT_MS + 403,
      events: [{ name: "gen_ai.first_token", atMs: RECEIVED_AT_MS + 103, attributes: {} }],
      error: undefined,
    });
    expect(JSON.parse(JSON.stringify(span.attributes))).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "acme",
      "gen_ai.request.model": "acme/one",
      "gen_ai.request.stream": true,
      "gen_ai.output.type": "text",
      "gen_ai.response.model": "one-2026",
      "gen_ai.response.time_to_first_chunk": 0.1,
      "gen_ai.usage.input_tokens": 123,
      "gen_ai.usage.output_tokens": 57,
      "gen_ai.usage.cache_read.input_tokens": 20,
      "gen_ai.usage.cache_creation.input_tokens": 3,
      "gen_ai.usage.reasoning.output_tokens": 7,
      "server.address": "api.acme.test",
      "server.port": 443,
      "http.response.status_code": 200,
      "atlas.attempt.number": 1,
      "atlas.endpoint": "acme/eu/one",
      "atlas.provider": "acme",
      "atlas.upstream.request_id": "r-1",
    });
  });

  test("tells what was asked for", () => {
    const call = withSampling({
      candidateCount: 2,
      seed: 7n,
      temperature: 0.2,
      topP: 0.9,
      topK: 40,
      maxOutputTokens: 100,
      frequencyPenalty: 0.1,
      presencePenalty: -0.1,
    });
    expect(spanOf({ call }).attributes).toMatchObject({
      "gen_ai.request.choice.count": 2,
      "gen_ai.request.seed": 7,
      "gen_ai.request.temperature": 0.2,
      "gen_ai.request.top_p": 0.9,
      "gen_ai.request.top_k": 40,
      "gen_ai.request.max_tokens": 100,
      "gen_ai.request.frequency_penalty": 0.1,
      "gen_ai.request.presence_penalty": -0.1,
    });
  });

  test("leaves out one candidate, and a seed that no number holds", () => {
    const call = withSampling({ candidateCount: 1, seed: 2n ** 60n + 1n });
    const { attributes } = spanOf({ call });
    expect(attributes["gen_ai.request.choice.count"]).toBeUndefined();
    expect(attributes["gen_ai.request.seed"]).toBeUndefined();
  });

  test("tells of JSON that was asked for", () => {
    const call = exampleCall({ spec: exampleSpec({ responseFormat: { kind: "json-object" } }) });
    expect(spanOf({ call }).attributes["gen_ai.output.type"]).toBe("json");
  });

  test("of a failure says how it ended, without what the provider said", () => {
    const failed = exampleAttempt({
      outcome: { kind: "server-error", message: "canary" },
      firstTokenMs: undefined,
      httpStatus: 500,
      droppedParameters: ["seed"],
    });
    const span = spanOf({ attempt: failed });
    expect(span).toMatchObject({ error: "server-error", events: [] });
    expect(span.attributes).toMatchObject({
      "error.type": "server-error",
      "http.response.status_code": 500,
      "atlas.dropped_parameters": ["seed"],
    });
    expect(JSON.stringify(span)).not.toContain("canary");
  });

  test("tells of every attempt what is known of its answer", () => {
    const partial = { ...usage, visibleOutput: 5, reasoningOutput: 0 };
    const { attributes } = spanOf({
      attempt: exampleAttempt({
        outcome: { kind: "idle-timeout", message: "" },
        usage: partial,
        upstreamModel: "one-2025",
      }),
    });
    expect(attributes).toMatchObject({
      "gen_ai.usage.output_tokens": 5,
      "gen_ai.response.model": "one-2025",
    });
  });

  test("has no figures where nothing was counted and no model told", () => {
    const { attributes } = spanOf({
      attempt: exampleAttempt({ usage: undefined, upstreamModel: "" }),
    });
    expect(Object.keys(attributes).filter((key) => key.startsWith("gen_ai.usage."))).toEqual([]);
    expect(attributes["gen_ai.response.model"]).toBeUndefined();
  });

  test.each([true, false])("says whether it asked for a stream itself: %j", (streamed) => {
    const call = exampleCall({ streaming: !streamed });
    const { attributes } = spanOf({ call, attempt: exampleAttempt({ streamed }) });
    expect(attributes["gen_ai.request.stream"]).toBe(streamed);
  });

  test("tells what it is billed although another attempt followed, if that is known", () => {
    const key = "atlas.cost.given_up_nano_usd";
    const costing = (givenUpCost: Cost) => spanOf({ attempt: exampleAttempt({ givenUpCost }) });
    expect(costing({ ...UNKNOWN_COST, total: 12 }).attributes[key]).toBe(12);
    expect(costing(UNKNOWN_COST).attributes[key]).toBeUndefined();
    expect(spanOf().attributes[key]).toBeUndefined();
  });

  test("links to the report that tells of it in another trace", () => {
    const report = { traceId: "1".repeat(32), spanId: "2".repeat(16) };
    const trace = exampleTrace({ reports: [undefined, report] });
    const linksOf = (number: number) =>
      spanOf({ call: exampleCall({ trace }), attempt: exampleAttempt({ number }) }).links;
    expect([1, 2, 3].map(linksOf)).toEqual([[], [report], []]);
  });

  test("holds the prompt only with content", () => {
    const call = withSampling({ stop: ["END"] });
    expect(JSON.stringify(spanOf({ call }))).not.toMatch(/"hi|END/);
    const { attributes } = spanOf({ call, content: { redact: [] } });
    expect(attributes["gen_ai.input.messages"]).toContain('"hi"');
    expect(attributes["gen_ai.request.stop_sequences"]).toEqual(["END"]);
  });
});
