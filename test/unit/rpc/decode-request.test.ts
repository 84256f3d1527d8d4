import { create, type MessageInitShape, type UnknownEnum } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CompleteRequestSchema,
  type ContentPartSchema,
  type MessageSchema,
  Role,
  StreamCompleteRequestSchema,
} from "../../../gen/atlas/v1/completion_pb.ts";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { createRequestDecoder } from "../../../src/rpc/decode-request.ts";
import { wireSpec } from "../../support/wire-spec.ts";

type Request = MessageInitShape<typeof CompleteRequestSchema>;
type Part = MessageInitShape<typeof ContentPartSchema>;
type WireMessage = MessageInitShape<typeof MessageSchema>;

const decoder = createRequestDecoder();
const decode = (init: Request) => decoder.call(create(CompleteRequestSchema, init));

function refusal(work: () => unknown): RouterError {
  try {
    work();
  } catch (error) {
    if (error instanceof RouterError) {
      return error;
    }
    throw error;
  }
  throw new Error("expected a refusal");
}

/** Paths of everything wrong with a request. */
const wrong = (init: Request) =>
  refusal(() => decode(init)).details.violations?.map(({ field }) => field);

/** A number that no version of the API knows yet. */
const future = (number: number) => number as UnknownEnum;

const withSpec = (changes: Parameters<typeof wireSpec>[0]): Request => ({
  spec: wireSpec(changes),
});
const withMessages = (...messages: WireMessage[]): Request => withSpec({ messages });
const says = (role: Role, ...parts: Part[]): WireMessage => ({ role, parts });
const text = (value: string): Part => ({ part: { case: "text", value } });
const call = (id: string, name = "f"): Part => ({
  part: { case: "toolCall", value: { id, name, argumentsJson: "{" } },
});
const result = (toolCallId: string, ...parts: Part[]): Part => ({
  part: { case: "toolResult", value: { toolCallId, parts } },
});
type Media = Extract<NonNullable<Part["part"]>, { case: "media" }>["value"];
const media = (value: Media): Part => ({ part: { case: "media", value } });
const tool = (name: string, parametersJsonSchema = "{}") => ({
  tool: { case: "function" as const, value: { name, parametersJsonSchema } },
});
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

describe("a valid request", () => {
  it("with nothing but a prompt takes every default", () => {
    const { spec, policy, caller, requestId } = decode(withSpec({}));
    expect(spec.messages).toEqual([
      { role: "user", name: "", parts: [{ kind: "text", text: "hi", cacheBreakpoint: false }] },
    ]);
    expect(spec.responseFormat).toEqual({ kind: "text" });
    expect(policy).toEqual(defaultPolicy);
    expect(caller).toEqual({ application: "", endUserHash: "", labels: {} });
    expect(requestId).toBe("");
  });

  it("is decoded in all its parts", () => {
    const { spec } = decode(
      withMessages(
        { ...says(Role.SYSTEM, { ...text("be kind"), cacheBreakpoint: true }), name: "ops" },
        says(
          Role.USER,
          media({ mimeType: "image/png", source: { case: "data", value: new Uint8Array([1]) } }),
        ),
        says(
          Role.ASSISTANT,
          { part: { case: "reasoning", value: { text: "hm", signature: new Uint8Array([2]) } } },
          call("t1"),
          { part: { case: "refusal", value: "no" } },
        ),
        says(
          Role.TOOL,
          result(
            "t1",
            text("42"),
            media({ modality: 2, source: { case: "fileId", value: "f-1" } }),
          ),
        ),
      ),
    );
    expect(spec.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool"]);
    expect(spec.messages[0]).toMatchObject({ name: "ops", parts: [{ cacheBreakpoint: true }] });
    expect(spec.messages[1]?.parts[0]).toMatchObject({ kind: "media", modality: "image" });
    expect(spec.messages[2]?.parts.map(({ kind }) => kind)).toEqual([
      "reasoning",
      "tool-call",
      "refusal",
    ]);
    expect(spec.messages[3]?.parts[0]).toMatchObject({
      kind: "tool-result",
      toolCallId: "t1",
      parts: [
        { kind: "text", text: "42" },
        { kind: "media", modality: "image" },
      ],
    });
  });

  it("keeps the decimals the caller wrote", () => {
    const { spec } = decode(
      withSpec({ sampling: { temperature: Math.fround(0.7), topP: Math.fround(0.95) } }),
    );
    expect(spec.sampling).toMatchObject({ temperature: 0.7, topP: 0.95 });
  });

  it("takes 32-bit floats for the decimal of seven digits they stand for", () => {
    const float = fc.oneof(
      fc.integer({ min: 0, max: 20_000 }).map((value) => Math.fround(value / 10_000)),
      fc.float({ min: 0, max: 2, noNaN: true }),
    );
    fc.assert(
      fc.property(float, (temperature) => {
        const { spec } = decode(withSpec({ sampling: { temperature } }));
        expect(spec.sampling.temperature).toBe(Number(temperature.toPrecision(7)));
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });

  it("turns a data URL into its bytes", () => {
    const url = "data:image/jpeg;base64,AQID";
    const { spec } = decode(
      withMessages(says(Role.USER, media({ source: { case: "url", value: url } }))),
    );
    expect(spec.messages[0]?.parts[0]).toMatchObject({
      modality: "image",
      mimeType: "image/jpeg",
      source: { kind: "data", data: Buffer.from([1, 2, 3]) },
    });
  });

  it.each([
    { mimeType: "audio/wav", modality: "audio" },
    { mimeType: "video/mp4", modality: "video" },
    { mimeType: "application/pdf", modality: "file" },
  ])("derives $modality from $mimeType", ({ mimeType, modality }) => {
    const part = media({ mimeType, source: { case: "url", value: "https://a.test/x" } });
    const { spec } = decode(withMessages(says(Role.USER, part)));
    expect(spec.messages[0]?.parts[0]).toMatchObject({ modality });
  });

  it("allows hedging in the realtime tier unless told not to", () => {
    const hedges = (routing: Request["routing"]) =>
      decode({ spec: wireSpec(), ...(routing === undefined ? {} : { routing }) }).policy
        .allowHedging;
    expect(hedges({ tier: 1 })).toBe(true);
    expect(hedges({ tier: 1, allowHedging: false })).toBe(false);
    expect(hedges({ tier: 2 })).toBe(false);
  });

  it("names an unnamed response schema", () => {
    const format = { case: "jsonSchema" as const, value: { schemaJson: "true" } };
    const { spec } = decode(withSpec({ responseFormat: { format } }));
    expect(spec.responseFormat).toMatchObject({ kind: "json-schema", name: "response" });
  });

  it("remembers a schema that has passed", () => {
    const request = withSpec({ tools: [tool("f", nested(60))] });
    expect(decode(request).spec.tools).toEqual(decode(request).spec.tools);
  });

  it("may leave out the messages in a plan, and only there", () => {
    const plan = create(CompleteRequestSchema, { spec: { model: "m" } });
    expect(decoder.plan(plan).spec.messages).toEqual([]);
    expect(wrong({ spec: { model: "m" } })).toEqual(["spec.messages"]);
  });
});

describe("every mistake is named by its path", () => {
  it("all of them at once", () => {
    expect(
      wrong({
        requestId: "42",
        spec: wireSpec({ model: "", sampling: { temperature: 3, topP: Number.NaN } }),
        routing: { tier: 3, maxAttempts: 9 },
      }),
    ).toEqual([
      "request_id",
      "spec.model",
      "spec.sampling.temperature",
      "spec.sampling.top_p",
      "routing.tier",
      "routing.max_attempts",
    ]);
  });

  it("but no more than a hundred", () => {
    const parts = Array.from({ length: 500 }, () => text(""));
    expect(wrong(withMessages(says(Role.USER, ...parts)))).toHaveLength(100);
  });

  it("and a batch is pointed to its service", () => {
    const error = refusal(() => decode({ spec: wireSpec(), routing: { tier: 3 } }));
    expect(error.details.metadata).toEqual({ service: "atlas.v1.BatchService" });
  });

  const P = "spec.messages[0].parts[0]";
  const https = { case: "url" as const, value: "https://a.test/x" };
  const conversation: readonly { name: string; request: Request; path: string }[] = [
    { name: "no spec", request: {}, path: "spec" },
    { name: "a long model", request: withSpec({ model: "m".repeat(257) }), path: "spec.model" },
    {
      name: "an unknown role",
      request: withMessages({ role: future(99), parts: [text("x")] }),
      path: "spec.messages[0].role",
    },
    {
      name: "no role",
      request: withMessages({ parts: [text("x")] }),
      path: "spec.messages[0].role",
    },
    { name: "no parts", request: withMessages(says(Role.USER)), path: "spec.messages[0].parts" },
    {
      name: "a long name",
      request: withMessages({ ...says(Role.USER, text("x")), name: "n".repeat(257) }),
      path: "spec.messages[0].name",
    },
    { name: "an empty part", request: withMessages(says(Role.USER, {})), path: P },
    { name: "an empty text", request: withMessages(says(Role.USER, text(""))), path: `${P}.text` },
    {
      name: "empty reasoning",
      request: withMessages(says(Role.ASSISTANT, { part: { case: "reasoning", value: {} } })),
      path: `${P}.reasoning`,
    },
    { name: "a call by the user", request: withMessages(says(Role.USER, call("a"))), path: P },
    { name: "text by a tool", request: withMessages(says(Role.TOOL, text("x"))), path: P },
    {
      name: "a call without an id",
      request: withMessages(says(Role.ASSISTANT, call(""))),
      path: `${P}.tool_call.id`,
    },
    {
      name: "a call of no function",
      request: withMessages(says(Role.ASSISTANT, call("a", "not a name"))),
      path: `${P}.tool_call.name`,
    },
    {
      name: "a call id used twice",
      request: withMessages(says(Role.ASSISTANT, call("a"), call("a"))),
      path: "spec.messages[0].parts[1].tool_call.id",
    },
    {
      name: "a result without an id",
      request: withMessages(says(Role.TOOL, result(""))),
      path: `${P}.tool_result.tool_call_id`,
    },
    {
      name: "a result before its call",
      request: withMessages(says(Role.TOOL, result("a")), says(Role.ASSISTANT, call("a"))),
      path: `${P}.tool_result.tool_call_id`,
    },
    {
      name: "a call inside a result",
      request: withMessages(
        says(Role.ASSISTANT, call("a")),
        says(Role.TOOL, result("a", call("b"))),
      ),
      path: "spec.messages[1].parts[0].tool_result.parts[0]",
    },
    {
      name: "media without a source",
      request: withMessages(says(Role.USER, media({ modality: 2 }))),
      path: `${P}.media`,
    },
    {
      name: "empty data",
      request: withMessages(
        says(
          Role.USER,
          media({ mimeType: "image/png", source: { case: "data", value: new Uint8Array() } }),
        ),
      ),
      path: `${P}.media.data`,
    },
    {
      name: "data without a type",
      request: withMessages(
        says(
          Role.USER,
          media({ modality: 2, source: { case: "data", value: new Uint8Array([1]) } }),
        ),
      ),
      path: `${P}.media.mime_type`,
    },
    {
      name: "a type that is none",
      request: withMessages(says(Role.USER, media({ mimeType: "png", source: https }))),
      path: `${P}.media.mime_type`,
    },
    {
      name: "no kind at all",
      request: withMessages(says(Role.USER, media({ source: https }))),
      path: `${P}.media.modality`,
    },
    {
      name: "media of text",
      request: withMessages(says(Role.USER, media({ modality: 1, source: https }))),
      path: `${P}.media.modality`,
    },
    {
      name: "an unknown detail",
      request: withMessages(says(Role.USER, media({ modality: 2, detail: "best", source: https }))),
      path: `${P}.media.detail`,
    },
    {
      name: "a long file name",
      request: withMessages(
        says(Role.USER, media({ modality: 5, filename: "f".repeat(257), source: https })),
      ),
      path: `${P}.media.filename`,
    },
    {
      name: "no file id",
      request: withMessages(
        says(Role.USER, media({ modality: 5, source: { case: "fileId", value: "" } })),
      ),
      path: `${P}.media.file_id`,
    },
    ...[
      "http://a.test/x",
      "ftp://a.test",
      "file:///etc/passwd",
      "https://u:p@a.test/",
      "data:text",
      "x",
      "",
      `https://a.test/${"x".repeat(9_000)}`,
    ].map((value) => ({
      name: `the URL ${value.slice(0, 20)}`,
      request: withMessages(
        says(Role.USER, media({ modality: 2, source: { case: "url", value } })),
      ),
      path: `${P}.media.url`,
    })),
  ];
  it.each(conversation)("$name", ({ request, path }) => {
    expect(wrong(request)).toEqual([path]);
  });

  const T = "spec.tools[0].function";
  const tools: readonly { name: string; request: Request; path: string }[] = [
    {
      name: "129 tools",
      request: withSpec({ tools: Array.from({ length: 129 }, (_, at) => tool(`f${at}`)) }),
      path: "spec.tools",
    },
    { name: "a tool that is nothing", request: withSpec({ tools: [{}] }), path: "spec.tools[0]" },
    { name: "a bad name", request: withSpec({ tools: [tool("a b")] }), path: `${T}.name` },
    {
      name: "a name used twice",
      request: withSpec({ tools: [tool("a"), tool("a")] }),
      path: "spec.tools[1].function.name",
    },
    {
      name: "a schema that is not JSON",
      request: withSpec({ tools: [tool("a", "{")] }),
      path: `${T}.parameters_json_schema`,
    },
    {
      name: "a schema that is a list",
      request: withSpec({ tools: [tool("a", "[]")] }),
      path: `${T}.parameters_json_schema`,
    },
    {
      name: "a schema that is null",
      request: withSpec({ tools: [tool("a", "null")] }),
      path: `${T}.parameters_json_schema`,
    },
    {
      name: "a schema too deep",
      request: withSpec({ tools: [tool("a", nested(65))] }),
      path: `${T}.parameters_json_schema`,
    },
    {
      name: "a schema too long",
      request: withSpec({ tools: [tool("a", `"${"x".repeat(131_072)}"`)] }),
      path: `${T}.parameters_json_schema`,
    },
    {
      name: "schemas too long together",
      request: withSpec({
        tools: Array.from({ length: 10 }, (_, at) =>
          tool(`f${at}`, `{"a":"${"x".repeat(120_000)}"}`),
        ),
      }),
      path: "spec.tools",
    },
    {
      name: "a long description",
      request: withSpec({
        tools: [
          { tool: { case: "function", value: { name: "a", description: "d".repeat(16_385) } } },
        ],
      }),
      path: `${T}.description`,
    },
    {
      name: "a choice that is no tool",
      request: withSpec({ toolChoice: { choice: { case: "functionName", value: "a" } } }),
      path: "spec.tool_choice.function_name",
    },
    {
      name: "a required tool where none is",
      request: withSpec({ toolChoice: { choice: { case: "mode", value: 3 } } }),
      path: "spec.tool_choice.mode",
    },
    {
      name: "an unknown mode",
      request: withSpec({ toolChoice: { choice: { case: "mode", value: future(9) } } }),
      path: "spec.tool_choice.mode",
    },
    {
      name: "an answer without a schema",
      request: withSpec({ responseFormat: { format: { case: "jsonSchema", value: {} } } }),
      path: "spec.response_format.json_schema.schema_json",
    },
    {
      name: "an answer with a bad name",
      request: withSpec({
        responseFormat: { format: { case: "jsonSchema", value: { name: "!", schemaJson: "{}" } } },
      }),
      path: "spec.response_format.json_schema.name",
    },
  ];
  it.each(tools)("$name", ({ request, path }) => {
    expect(wrong(request)).toEqual([path]);
  });

  type Sampling = NonNullable<NonNullable<Parameters<typeof wireSpec>[0]>["sampling"]>;
  const sampling: readonly { name: string; value: Sampling; path: string }[] = [
    { name: "a cold temperature", value: { temperature: -0.1 }, path: "temperature" },
    { name: "no temperature", value: { temperature: Number.NaN }, path: "temperature" },
    { name: "an endless temperature", value: { temperature: Infinity }, path: "temperature" },
    { name: "a top_p of 0", value: { topP: 0 }, path: "top_p" },
    { name: "a top_p above 1", value: { topP: 1.1 }, path: "top_p" },
    { name: "a top_k of 0", value: { topK: 0 }, path: "top_k" },
    { name: "a min_p above 1", value: { minP: 1.5 }, path: "min_p" },
    { name: "no output", value: { maxOutputTokens: 0 }, path: "max_output_tokens" },
    {
      name: "a large frequency penalty",
      value: { frequencyPenalty: 2.5 },
      path: "frequency_penalty",
    },
    {
      name: "a large presence penalty",
      value: { presencePenalty: -2.5 },
      path: "presence_penalty",
    },
    {
      name: "a repetition penalty of 0",
      value: { repetitionPenalty: 0 },
      path: "repetition_penalty",
    },
    { name: "17 candidates", value: { candidateCount: 17 }, path: "candidate_count" },
    { name: "21 log probabilities", value: { topLogprobs: 21 }, path: "top_logprobs" },
    { name: "17 stops", value: { stop: Array.from({ length: 17 }, () => "x") }, path: "stop" },
    { name: "an empty stop", value: { stop: ["a", ""] }, path: "stop[1]" },
  ];
  it.each(sampling)("$name", ({ value, path }) => {
    expect(wrong(withSpec({ sampling: value }))).toEqual([`spec.sampling.${path}`]);
  });

  const deep = Array.from({ length: 20 }).reduce<object>((inner) => ({ inner }), {});
  const rest: readonly { name: string; request: Request; path: string }[] = [
    {
      name: "an unknown effort",
      request: withSpec({ reasoning: { effort: future(99) } }),
      path: "spec.reasoning.effort",
    },
    {
      name: "no reasoning tokens",
      request: withSpec({ reasoning: { maxTokens: 0 } }),
      path: "spec.reasoning.max_tokens",
    },
    {
      name: "an extension that overrides the model",
      request: withSpec({ providerExtensions: { Model: "x" } }),
      path: "spec.provider_extensions",
    },
    {
      name: "an extension that is deep",
      request: withSpec({ providerExtensions: { deep } as never }),
      path: "spec.provider_extensions",
    },
    {
      name: "an extension that is no number",
      request: withSpec({ providerExtensions: { list: [{ top_k: Number.NaN }] } }),
      path: "spec.provider_extensions",
    },
    {
      name: "an extension that is long",
      request: withSpec({ providerExtensions: { long: "x".repeat(70_000) } }),
      path: "spec.provider_extensions",
    },
    {
      name: "an unknown tier",
      request: { spec: wireSpec(), routing: { tier: future(9) } },
      path: "routing.tier",
    },
    {
      name: "an unknown priority",
      request: { spec: wireSpec(), routing: { priority: future(9) } },
      path: "routing.priority",
    },
    {
      name: "an unknown quantization",
      request: { spec: wireSpec(), routing: { quantizations: [1, future(99)] } },
      path: "routing.quantizations[1]",
    },
    {
      name: "a negative price",
      request: { spec: wireSpec(), routing: { maxInputNanoUsdPerMtok: -1n } },
      path: "routing.max_input_nano_usd_per_mtok",
    },
    {
      name: "a price beyond exact numbers",
      request: { spec: wireSpec(), routing: { maxOutputNanoUsdPerMtok: 2n ** 60n } },
      path: "routing.max_output_nano_usd_per_mtok",
    },
    {
      name: "a negative cost",
      request: { spec: wireSpec(), routing: { maxCostNanoUsd: -1n } },
      path: "routing.max_cost_nano_usd",
    },
    {
      name: "a first token in no time",
      request: { spec: wireSpec(), routing: { preferredMaxFirstToken: { seconds: 0n } } },
      path: "routing.preferred_max_first_token",
    },
    {
      name: "a duration of two signs",
      request: {
        spec: wireSpec(),
        routing: { preferredMaxFirstToken: { seconds: 1n, nanos: -1 } },
      },
      path: "routing.preferred_max_first_token",
    },
    {
      name: "no throughput",
      request: { spec: wireSpec(), routing: { preferredMinOutputTokensPerSecond: 0 } },
      path: "routing.preferred_min_output_tokens_per_second",
    },
    {
      name: "a negative weight",
      request: { spec: wireSpec(), routing: { weights: { latency: -1 } } },
      path: "routing.weights.latency",
    },
    {
      name: "a weight that is no number",
      request: { spec: wireSpec(), routing: { weights: { cost: Number.NaN } } },
      path: "routing.weights.cost",
    },
    {
      name: "no attempts",
      request: { spec: wireSpec(), routing: { maxAttempts: 0 } },
      path: "routing.max_attempts",
    },
    {
      name: "an empty provider",
      request: { spec: wireSpec(), routing: { onlyProviders: ["a", ""] } },
      path: "routing.only_providers[1]",
    },
    {
      name: "17 fallback models",
      request: {
        spec: wireSpec(),
        routing: { fallbackModels: Array.from({ length: 17 }, () => "m") },
      },
      path: "routing.fallback_models",
    },
    {
      name: "a long operation",
      request: { spec: wireSpec(), routing: { operation: "o".repeat(257) } },
      path: "routing.operation",
    },
    {
      name: "a long application",
      request: { spec: wireSpec(), caller: { application: "a".repeat(257) } },
      path: "caller.application",
    },
    {
      name: "65 labels",
      request: {
        spec: wireSpec(),
        caller: {
          labels: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, ""])),
        },
      },
      path: "caller.labels",
    },
    {
      name: "a label without a name",
      request: { spec: wireSpec(), caller: { labels: { "": "x" } } },
      path: "caller.labels",
    },
    {
      name: "a request id that is no UUID",
      request: { spec: wireSpec(), requestId: "x" },
      path: "request_id",
    },
  ];
  it.each(rest)("$name", ({ request, path }) => {
    expect(wrong(request)).toEqual([path]);
  });
});

describe("the settings of a stream", () => {
  const settings = (options: MessageInitShape<typeof StreamCompleteRequestSchema>["options"]) =>
    decoder.stream(
      create(StreamCompleteRequestSchema, {
        spec: wireSpec(),
        ...(options === undefined ? {} : { options }),
      }),
    ).settings;

  it("default to joined bursts and the heartbeat of the server", () => {
    expect(settings(undefined)).toEqual({
      continuousUsage: false,
      coalesceMs: undefined,
      heartbeatMs: undefined,
    });
  });

  it("are in milliseconds", () => {
    const coalesceWindow = { seconds: 0n, nanos: 20_500_000 };
    expect(settings({ coalesceWindow }).coalesceMs).toBe(20.5);
  });
});
