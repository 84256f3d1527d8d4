import { describe, expect, test } from "vitest";
import { validateOpenaiRequest } from "../../../src/simulator/openai-validate-request.ts";
import { defaultProfile } from "../../../src/simulator/profile.ts";
import { RefusedRequest } from "../../../src/simulator/refusal.ts";

const strict = { ...defaultProfile, acceptsExtras: false };
const lenient = { ...defaultProfile, acceptsExtras: true };
const plain = { model: "m", messages: [{ role: "user", content: "Hello" }] };

/** What the API says to a request that differs from a plain one; fails when it says nothing. */
function refusalOf(changes: unknown, profile = strict) {
  const body = { ...plain, ...Object(changes) };
  try {
    validateOpenaiRequest(body, profile);
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedRequest);
    return (error as RefusedRequest).refusal;
  }
  return expect.fail("the request was accepted");
}

const accept = (changes: unknown, profile = strict) =>
  validateOpenaiRequest({ ...plain, ...Object(changes) }, profile);

describe("validateOpenaiRequest()", () => {
  test.each([
    { name: "no JSON object", value: [] },
    { name: "no model", value: { messages: plain.messages } },
    { name: "an empty model", value: { ...plain, model: "" } },
  ])("refuses a body with $name", ({ value }) => {
    expect(() => validateOpenaiRequest(value, strict)).toThrow(RefusedRequest);
  });

  test.each([
    { changes: { temperature: 2.1 }, param: "temperature", code: "decimal_above_max_value" },
    {
      changes: { presence_penalty: -3 },
      param: "presence_penalty",
      code: "decimal_below_min_value",
    },
    { changes: { n: 129 }, param: "n", code: "integer_above_max_value" },
    { changes: { n: 1.5 }, param: "n", code: "invalid_type" },
    { changes: { max_tokens: 0 }, param: "max_tokens", code: "integer_below_min_value" },
    { changes: { top_p: "1" }, param: "top_p", code: "invalid_type" },
    { changes: { stream: "yes" }, param: "stream", code: "invalid_type" },
    { changes: { reasoning_effort: "huge" }, param: "reasoning_effort", code: "invalid_value" },
    { changes: { service_tier: "best" }, param: "service_tier", code: "invalid_value" },
    {
      changes: { max_tokens: 1, max_completion_tokens: 1 },
      param: "max_tokens",
      code: "invalid_parameter_combination",
    },
    { changes: { stream_options: {} }, param: "stream_options" },
    { changes: { top_logprobs: 1 }, param: "top_logprobs" },
    {
      changes: { response_format: { type: "xml" } },
      param: "response_format.type",
      code: "invalid_value",
    },
    {
      changes: { response_format: { type: "json_schema" } },
      param: "response_format.json_schema.name",
      code: "missing_required_parameter",
    },
    {
      changes: { response_format: { type: "json_schema", json_schema: { name: "n" } } },
      param: "response_format.json_schema.schema",
      code: "missing_required_parameter",
    },
    { changes: { stop: 5 }, param: "stop", code: "invalid_type" },
    { changes: { stop: ["a", 5] }, param: "stop", code: "invalid_type" },
    {
      changes: { stop: ["a", "b", "c", "d", "e"] },
      param: "stop",
      code: "array_above_max_length",
    },
  ])("refuses $changes, which is about $param", ({ changes, ...place }) => {
    expect(refusalOf(changes)).toMatchObject({ kind: "badRequest", ...place });
  });

  test.each([
    { value: {}, got: "an object" },
    { value: [], got: "an array" },
    { value: "1", got: "a string" },
    { value: true, got: "a boolean" },
  ])("says that it got $got", ({ value, got }) => {
    const message = `Invalid type for 'top_p': expected a decimal, but got ${got} instead.`;
    expect(refusalOf({ top_p: value })).toMatchObject({ message });
  });

  test("names every unknown parameter at once", () => {
    expect(refusalOf({ top_k: 5 })).toMatchObject({
      message: "Unrecognized request argument supplied: top_k",
    });
    expect(refusalOf({ top_k: 5, min_p: 0 })).toMatchObject({
      message: "Unrecognized request arguments supplied: top_k, min_p",
    });
  });

  test("takes the parameters and the many stop sequences of self-hosted engines where they are served", () => {
    const stop = ["a", "b", "c", "d", "e"];
    expect(accept({ top_k: 5, stop }, lenient).prompt.stops).toEqual(stop);
    expect(refusalOf({ invented: 1 }, lenient)).toMatchObject({ kind: "badRequest" });
  });

  test("takes null for absent", () => {
    const nulls = {
      temperature: null,
      stop: null,
      stream: null,
      tools: null,
      response_format: null,
    };
    expect(accept(nulls)).toEqual(accept({}));
  });

  test("reads the limit, the stop sequences, the seed and the choices", () => {
    const changes = { max_completion_tokens: 9, stop: ["", "x"], seed: 4, n: 2 };
    expect(accept(changes).prompt).toMatchObject({
      maxTokens: 9,
      stops: ["x"],
      seed: 4,
      choices: 2,
    });
    expect(accept({ stop: "x" }).prompt.stops).toEqual(["x"]);
    expect(accept({}).prompt).toMatchObject({ maxTokens: Infinity, choices: 1, seed: undefined });
  });

  test("reads how the answer is to be delivered", () => {
    const streamed = { stream: true, stream_options: { include_usage: true } };
    expect(accept(streamed)).toMatchObject({ isStream: true, includeUsage: true });
    expect(accept({ logprobs: true }).topLogprobs).toBe(0);
    expect(accept({ service_tier: "auto" }).serviceTier).toBe("default");
    expect(accept({ service_tier: "flex" }).serviceTier).toBe("flex");
  });

  test("thinks longer for more effort, and not at all unasked", () => {
    const tokens = (effort: string) => accept({ reasoning_effort: effort }).prompt.reasoningTokens;
    const efforts = ["none", "low", "medium", "high", "xhigh", "max"].map(tokens);
    expect(efforts).toEqual([...efforts].sort((left, right) => left - right));
    expect([accept({}).prompt.reasoningTokens, efforts[0]]).toEqual([0, 0]);
  });
});
