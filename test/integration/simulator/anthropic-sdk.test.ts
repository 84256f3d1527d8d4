import Anthropic, { APIError, RateLimitError } from "@anthropic-ai/sdk";
import type {
  MessageParam,
  RawMessageStreamEvent,
  Tool,
} from "@anthropic-ai/sdk/resources/messages";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Fleet, startFleet } from "../../../src/simulator/fleet.ts";
import type { ProfilePatch } from "../../../src/simulator/profile.ts";

const ENDPOINT = "anthropic/claude";
const MODEL = "claude-simulated";
const KEY = "sk-ant-simulated";
/** The fleet's clock stands still, in the middle of a minute. */
const NOW_MS = 1_800_000_030_000;

let fleet: Fleet;
let client: Anthropic;

beforeEach(async () => {
  fleet = await startFleet(
    [
      {
        id: ENDPOINT,
        provider: "anthropic",
        dialect: "anthropic-messages",
        upstreamModel: MODEL,
        profile: { timeScale: 0 },
      },
    ],
    { seed: 1, apiKey: KEY, nowMs: () => NOW_MS },
  );
  client = createClient(KEY);
});

afterEach(() => fleet.close());

/** The SDK adds `/v1` itself. */
function createClient(apiKey: string): Anthropic {
  const baseURL = fleet.baseUrl(ENDPOINT).replace(/\/v1$/, "");
  return new Anthropic({ baseURL, apiKey, maxRetries: 0 });
}

function configure(patch: ProfilePatch): void {
  fleet.configure(ENDPOINT, patch);
}

function ask(content: MessageParam["content"]) {
  const messages: MessageParam[] = [{ role: "user", content }];
  return { model: MODEL, max_tokens: 4_000, messages };
}

async function collect(
  stream: AsyncIterable<RawMessageStreamEvent>,
): Promise<RawMessageStreamEvent[]> {
  const events: RawMessageStreamEvent[] = [];
  for await (const event of stream) {
    events.push(event);
  }
  return events;
}

function textOf(events: readonly RawMessageStreamEvent[]): string {
  return events
    .map((event) =>
      event.type === "content_block_delta" && event.delta.type === "text_delta"
        ? event.delta.text
        : "",
    )
    .join("");
}

async function failureOf(promise: Promise<unknown>): Promise<APIError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof APIError)) {
    throw new TypeError(`expected an APIError, got ${error}`);
  }
  return error;
}

/** For requests that the SDK would not send. */
async function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${fleet.baseUrl(ENDPOINT)}/messages`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-api-key": KEY,
      "anthropic-version": "2023-06-01",
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

const weather: Tool = {
  name: "get_weather",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer", minimum: 1, maximum: 7 } },
    required: ["city", "days"],
  },
};
const clock: Tool = { name: "get_time", input_schema: { type: "object", properties: {} } };
const weatherInput = z.strictObject({ city: z.string(), days: z.int().min(1).max(7) });

describe("unary answers", () => {
  test("echo the text after the prefix exactly", async () => {
    const message = await client.messages.create(ask("echo: one\n ä€😀 "));
    expect(message).toMatchObject({
      type: "message",
      role: "assistant",
      model: MODEL,
      stop_reason: "end_turn",
      stop_sequence: null,
      content: [{ type: "text", text: " one\n ä€😀 " }],
    });
    expect(message._request_id).toMatch(/^req_/);
  });

  test("count a quarter of the prompt's bytes and four tokens per message", async () => {
    const { usage } = await client.messages.create({ ...ask("echo: one two"), system: "12345" });
    expect(usage).toMatchObject({ input_tokens: 2 + 4 + 4, output_tokens: 2 });
  });

  test("stop at the limit of tokens", async () => {
    const { stop_reason, usage } = await client.messages.create({ ...ask("Hello"), max_tokens: 5 });
    expect(stop_reason).toBe("max_tokens");
    expect(usage.output_tokens).toBe(5);
  });

  test("name the sequence that stopped them", async () => {
    const message = await client.messages.create({
      ...ask("echo:alpha beta gamma"),
      stop_sequences: [" gam"],
    });
    expect(message).toMatchObject({
      stop_reason: "stop_sequence",
      stop_sequence: " gam",
      content: [{ text: "alpha beta" }],
    });
  });

  test("satisfy the schema of the output format", async () => {
    const schema = z.strictObject({ name: z.string(), tags: z.array(z.enum(["a", "b"])) });
    const { content } = await client.messages.create({
      ...ask("Describe"),
      output_config: { format: { type: "json_schema", schema: z.toJSONSchema(schema) } },
    });
    const [block] = content;
    const parsed = schema.safeParse(JSON.parse(block?.type === "text" ? block.text : ""));
    expect(parsed.error).toBeUndefined();
  });

  test("think first when told to, with a signature", async () => {
    const { content, usage } = await client.messages.create({
      ...ask("echo:done"),
      thinking: { type: "enabled", budget_tokens: 2_000 },
    });
    expect(content).toMatchObject([
      { type: "thinking", thinking: expect.any(String), signature: expect.stringMatching(/.+/) },
      { type: "text", text: "done" },
    ]);
    expect(usage.output_tokens).toBe(41);
  });

  test("hide a thought about something redacted", async () => {
    const { content } = await client.messages.create({
      ...ask("Tell me the redacted part"),
      thinking: { type: "enabled", budget_tokens: 2_000 },
    });
    expect(content[0]).toMatchObject({ type: "redacted_thinking", data: expect.any(String) });
  });

  test("accept images and documents", async () => {
    const { usage } = await client.messages.create(
      ask([
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "12345678" } },
      ]),
    );
    expect(usage.input_tokens).toBe(1_334 + 2 + 4);
  });

  test("exclude from the input what was written to or read from the cache", async () => {
    configure({ promptCache: true });
    const cached = ask([
      { type: "text", text: "x".repeat(400), cache_control: { type: "ephemeral" } },
      { type: "text", text: "echo" },
    ]);
    const first = await client.messages.create(cached);
    const second = await client.messages.create(cached);
    expect(first.usage).toMatchObject({
      input_tokens: 1,
      cache_creation_input_tokens: 104,
      cache_read_input_tokens: 0,
    });
    expect(second.usage).toMatchObject({
      input_tokens: 1,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 104,
    });
  });

  test("list the one model", async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual([MODEL]);
  });
});

describe("streams", () => {
  test("send their events in the documented order", async () => {
    const events = await collect(
      await client.messages.create({ ...ask("echo:one two"), stream: true }),
    );
    expect(events.map(({ type }) => type)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
  });

  test("ping", async () => {
    const response = await post({ ...ask("echo:one"), stream: true });
    expect(await response.text()).toContain('event: ping\ndata: {"type":"ping"}\n\n');
  });

  test("count the input at the start and the output, cumulatively, at the end", async () => {
    const events = await collect(
      await client.messages.create({ ...ask("echo:one two"), stream: true }),
    );
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 7, output_tokens: 1 } } });
    expect(events.at(-2)).toMatchObject({
      type: "message_delta",
      delta: { stop_reason: "end_turn" },
      usage: { input_tokens: 7, output_tokens: 2 },
    });
  });

  test("carry thinking and its signature before the text", async () => {
    const stream = client.messages.stream({
      ...ask("echo:done"),
      thinking: { type: "enabled", budget_tokens: 2_000 },
    });
    const events = await collect(stream);
    const deltas = events.flatMap((event) =>
      event.type === "content_block_delta" ? [event.delta.type] : [],
    );
    expect(deltas).toEqual([
      ...Array.from({ length: 40 }, () => "thinking_delta"),
      "signature_delta",
      "text_delta",
    ]);
    const { content } = await stream.finalMessage();
    expect(content).toMatchObject([
      { type: "thinking", signature: expect.stringMatching(/.+/) },
      { type: "text", text: "done" },
    ]);
  });

  test("send a redacted thought whole", async () => {
    const events = await collect(
      await client.messages.create({
        ...ask("redacted"),
        thinking: { type: "enabled", budget_tokens: 2_000 },
        stream: true,
      }),
    );
    expect(events[1]).toMatchObject({ content_block: { type: "redacted_thinking" } });
    expect(events[2]).toMatchObject({ type: "content_block_stop", index: 0 });
  });

  test.each([
    { name: "split at every byte", patch: { chunkBytes: 1 } },
    { name: "with CRLF line ends", patch: { quirks: { crlf: true } } },
    { name: "with comments before the first token", patch: { quirks: { keepAliveComments: 5 } } },
    { name: "with several tokens per chunk", patch: { tokensPerChunk: 3 } },
    { name: "at a real pace", patch: { timeScale: 0.001 } },
  ])("arrive whole $name", async ({ patch }) => {
    configure(patch);
    const stream = await client.messages.create({ ...ask("echo:grüße an 🌍 dort"), stream: true });
    expect(textOf(await collect(stream))).toBe("grüße an 🌍 dort");
  });
});

describe("tools", () => {
  test("are called with input that satisfies their schema", async () => {
    const { content, stop_reason } = await client.messages.create({
      ...ask("Hello"),
      tools: [weather, clock],
      tool_choice: { type: "tool", name: "get_weather" },
    });
    expect(stop_reason).toBe("tool_use");
    expect(content).toMatchObject([{ type: "tool_use", id: expect.stringMatching(/^toolu_/) }]);
    const [call] = content;
    const input = call?.type === "tool_use" ? call.input : undefined;
    expect(weatherInput.safeParse(input).error).toBeUndefined();
  });

  test("stream their input in fragments that the SDK reassembles", async () => {
    const stream = client.messages.stream({
      ...ask("Use the tools in parallel"),
      tools: [weather, clock],
      tool_choice: { type: "any" },
    });
    const events = await collect(stream);
    const fragments = events.filter(
      (event) => event.type === "content_block_delta" && event.delta.type === "input_json_delta",
    );
    expect(fragments.length).toBeGreaterThan(1);
    const { content } = await stream.finalMessage();
    expect(content).toMatchObject([
      { type: "tool_use", name: "get_weather" },
      { type: "tool_use", name: "get_time", input: {} },
    ]);
    const [call] = content;
    const input = call?.type === "tool_use" ? call.input : undefined;
    expect(weatherInput.safeParse(input).error).toBeUndefined();
  });

  test("are called one at a time when the request says so", async () => {
    const { content } = await client.messages.create({
      ...ask("Use the tools in parallel"),
      tools: [weather, clock],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
    });
    expect(content).toHaveLength(1);
  });

  test("have their results quoted", async () => {
    const { content } = await client.messages.create({
      model: MODEL,
      max_tokens: 100,
      tools: [weather],
      messages: [
        { role: "user", content: "Use the tool" },
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "toolu_1", name: "get_weather", input: {} }],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "21 degrees" }],
        },
      ],
    });
    expect(content[0]).toMatchObject({ text: expect.stringContaining("21 degrees") });
  });
});

describe("failures", () => {
  test("refuse another key", async () => {
    const error = await failureOf(createClient("x").messages.create(ask("Hello")));
    expect(error).toMatchObject({ status: 401, type: "authentication_error" });
  });

  test("tell when to come back after a rate limit, as a date", async () => {
    configure({ rateLimited: { rate: 1, retryAfterSeconds: 7, retryAfterDate: true } });
    const error = await failureOf(client.messages.create(ask("Hello")));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(Date.parse(error.headers?.get("retry-after") ?? "")).toBe(NOW_MS + 7_000);
  });

  test.each([
    { name: "a server error", patch: { serverError: { rate: 1 } }, status: 500, type: "api_error" },
    {
      name: "an overload",
      patch: { serverError: { rate: 1, status: 529 as const } },
      status: 529,
      type: "overloaded_error",
    },
    {
      name: "a bill not paid",
      patch: { quotaExhausted: { rate: 1, code: "billing_error" as const } },
      status: 402,
      type: "billing_error",
    },
    {
      name: "a model not found",
      patch: { modelNotFound: { rate: 1 } },
      status: 404,
      type: "not_found_error",
    },
    {
      name: "a prompt that is too long",
      patch: { contextLength: 3 },
      status: 400,
      type: "invalid_request_error",
    },
  ])("answer $name", async ({ patch, status, type }) => {
    configure(patch);
    const error = await failureOf(client.messages.create(ask("Hello")));
    expect(error).toMatchObject({
      status,
      type,
      error: { type: "error", error: { type }, request_id: error.requestID },
    });
  });

  test("say that a spending limit is no rate limit", async () => {
    configure({ quotaExhausted: { rate: 1 } });
    const error = await failureOf(client.messages.create(ask("Hello")));
    expect(error.headers?.get("retry-after")).toBeNull();
    expect(error.error).toMatchObject({
      error: { details: { error_code: "enforced_spend_limit_reached" } },
    });
  });

  test("arrive in a stream that began with HTTP 200", async () => {
    configure({ errorInStream: { rate: 1, afterTokens: 2 } });
    const stream = await client.messages.create({ ...ask("echo:1 2 3 4"), stream: true });
    const events: RawMessageStreamEvent[] = [];
    const read = async () => {
      for await (const event of stream) {
        events.push(event);
      }
    };
    await expect(read()).rejects.toThrow(/overloaded_error/);
    expect(textOf(events)).toBe("1 2");
  });

  test("cut the connection after some tokens", async () => {
    configure({ cutConnection: { rate: 1, afterTokens: 2 } });
    const stream = await client.messages.create({ ...ask("echo:1 2 3 4"), stream: true });
    await expect(collect(stream)).rejects.toThrow(/terminated/);
    expect(fleet.stats(ENDPOINT).failed).toEqual({ cutConnection: 1 });
  });

  test("end a stream without its last event", async () => {
    configure({ missingDone: { rate: 1 } });
    const stream = await client.messages.create({ ...ask("echo:one"), stream: true });
    expect((await collect(stream)).at(-1)).toMatchObject({ type: "message_delta" });
  });

  test("report what remains of the limits of a minute", async () => {
    configure({ requestsPerMinute: 10, tokensPerMinute: 1_000 });
    const { response } = await client.messages.create(ask("echo: one two")).withResponse();
    const header = (name: string) => response.headers.get(`anthropic-ratelimit-${name}`);
    expect(header("requests-remaining")).toBe("9");
    expect(header("tokens-remaining")).toBe(String(1_000 - 8 - 2));
    expect(header("requests-reset")).toBe("2027-01-15T08:01:00Z");
  });
});

describe("clients that leave", () => {
  test("are noticed in mid-answer, with the time", async () => {
    configure({ timeScale: 1, firstTokenMs: { p50: 1, p95: 1 } });
    const stream = await client.messages.create({ ...ask("A long story"), stream: true });
    const first = await stream[Symbol.asyncIterator]().next();
    expect(first.done).toBe(false);
    stream.controller.abort();
    await fleet.whenIdle(ENDPOINT);
    expect(fleet.stats(ENDPOINT)).toMatchObject({
      completed: 0,
      aborted: 1,
      abortedAtMs: [NOW_MS],
      open: 0,
    });
  });
});

describe("requests that the API refuses", () => {
  const user = { role: "user", content: "Hi" };
  const call = {
    role: "assistant",
    content: [{ type: "tool_use", id: "toolu_1", name: "f", input: {} }],
  };
  const result = {
    role: "user",
    content: [{ type: "tool_result", tool_use_id: "toolu_2", content: "1" }],
  };
  const body = { model: MODEL, max_tokens: 10, messages: [user] };
  test.each([
    {
      name: "without max_tokens",
      body: { ...body, max_tokens: undefined },
      message: "max_tokens: Field required",
    },
    {
      name: "without a model",
      body: { ...body, model: undefined },
      message: "model: Field required",
    },
    { name: "with no message", body: { ...body, messages: [] }, message: "at least one message" },
    {
      name: "with a system message",
      body: { ...body, messages: [{ role: "system", content: "Hi" }] },
      message: 'Unexpected role "system"',
    },
    {
      name: "too hot",
      body: { ...body, temperature: 1.5 },
      message: "temperature: Input should be less",
    },
    {
      name: "with an unknown field",
      body: { ...body, n: 2 },
      message: "n: Extra inputs are not permitted",
    },
    {
      name: "with a result that answers no call",
      body: { ...body, messages: [user, call, result] },
      message: "unexpected `tool_use_id`",
    },
    {
      name: "with a call that nothing answers",
      body: { ...body, messages: [user, call, user] },
      message: "without `tool_result` blocks",
    },
    {
      name: "whose thought leaves no room for an answer",
      body: { ...body, thinking: { type: "enabled", budget_tokens: 1_024 } },
      message: "must be greater than `thinking.budget_tokens`",
    },
    {
      name: "whose tool is not among the tools",
      body: { ...body, tools: [weather], tool_choice: { type: "tool", name: "f" } },
      message: "not found in provided tools",
    },
  ])("$name", async ({ body: refused, message }) => {
    const response = await post(refused);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      type: "error",
      error: { type: "invalid_request_error", message: expect.stringContaining(message) },
      request_id: response.headers.get("request-id"),
    });
  });

  test("without a version", async () => {
    const response = await fetch(`${fleet.baseUrl(ENDPOINT)}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": KEY },
      body: JSON.stringify(body),
    });
    expect(await response.text()).toContain("anthropic-version: header is required");
  });
});
