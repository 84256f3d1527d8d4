import OpenAI, { APIConnectionError, APIError, RateLimitError } from "openai";
import type { ChatCompletionChunk, ChatCompletionTool } from "openai/resources/chat/completions";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Fleet, startFleet } from "../../../src/simulator/fleet.ts";
import type { ProfilePatch } from "../../../src/simulator/profile.ts";

const ENDPOINT = "openai/gpt-4o-mini";
const MODEL = "gpt-4o-mini";
const KEY = "sk-simulated";
/** The fleet's clock stands still, in the middle of a minute. */
const NOW_MS = 1_800_000_030_000;

let fleet: Fleet;
let client: OpenAI;

beforeEach(async () => {
  fleet = await startFleet(
    [
      {
        id: ENDPOINT,
        provider: "openai",
        dialect: "openai-chat",
        upstreamModel: MODEL,
        profile: { timeScale: 0 },
      },
    ],
    { seed: 1, apiKey: KEY, nowMs: () => NOW_MS },
  );
  client = new OpenAI({ baseURL: fleet.baseUrl(ENDPOINT), apiKey: KEY, maxRetries: 0 });
});

afterEach(() => fleet.close());

function configure(patch: ProfilePatch): void {
  fleet.configure(ENDPOINT, patch);
}

function ask(content: string): { model: string; messages: { role: "user"; content: string }[] } {
  return { model: MODEL, messages: [{ role: "user", content }] };
}

async function collect(stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return chunks;
}

function textOf(chunks: readonly ChatCompletionChunk[], index = 0): string {
  return chunks
    .flatMap(({ choices }) => choices)
    .filter((choice) => choice.index === index)
    .map(({ delta }) => delta.content ?? "")
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

/** The text of the raw response to a request that the SDK would not send. */
async function post(body: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${fleet.baseUrl(ENDPOINT)}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}`, ...headers },
    body,
  });
}

const weather: ChatCompletionTool = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer", minimum: 1, maximum: 7 } },
      required: ["city", "days"],
      additionalProperties: false,
    },
  },
};
const clock: ChatCompletionTool = {
  type: "function",
  function: { name: "get_time", parameters: { type: "object", properties: {} } },
};
const weatherArguments = z.strictObject({ city: z.string(), days: z.int().min(1).max(7) });

describe("unary answers", () => {
  test("echo the text after the prefix exactly", async () => {
    const completion = await client.chat.completions.create(ask('echo: one\n "two" ä€😀 '));
    expect(completion.choices[0]?.message.content).toBe(' one\n "two" ä€😀 ');
    expect(completion.choices[0]?.finish_reason).toBe("stop");
    expect(completion._request_id).toMatch(/^req_/);
  });

  test("count a quarter of the prompt's bytes and four tokens per message", async () => {
    const { usage } = await client.chat.completions.create({
      model: MODEL,
      messages: [
        { role: "system", content: "12345" },
        { role: "user", content: "echo: one two" },
      ],
    });
    expect(usage).toMatchObject({ prompt_tokens: 2 + 4 + 4 + 4, completion_tokens: 2 });
    expect(usage?.total_tokens).toBe(16);
  });

  test("stop at the limit of tokens", async () => {
    const { choices, usage } = await client.chat.completions.create({
      ...ask("Tell me a story"),
      max_completion_tokens: 5,
    });
    expect(choices[0]?.finish_reason).toBe("length");
    expect(usage?.completion_tokens).toBe(5);
  });

  test("leave out the stop sequence and what follows it", async () => {
    const { choices } = await client.chat.completions.create({
      ...ask("echo:alpha beta gamma delta"),
      stop: ["delta", " gam"],
    });
    expect(choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "alpha beta" } });
  });

  test("repeat themselves for the same seed and differ for another", async () => {
    const say = async (seed: number) =>
      (await client.chat.completions.create({ ...ask("Hello"), seed })).choices[0]?.message.content;
    expect(await say(7)).toBe(await say(7));
    expect(await say(7)).not.toBe(await say(8));
  });

  test("come n at a time, all different", async () => {
    const { choices } = await client.chat.completions.create({ ...ask("Hello"), n: 3 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(choices.map(({ message }) => message.content)).size).toBe(3);
  });

  test("carry a log probability for every token and its alternatives", async () => {
    const { choices } = await client.chat.completions.create({
      ...ask("echo:one two"),
      logprobs: true,
      top_logprobs: 3,
    });
    const entries = choices[0]?.logprobs?.content ?? [];
    expect(entries.map(({ token }) => token).join("")).toBe("one two");
    expect(entries.map(({ top_logprobs }) => top_logprobs.length)).toEqual([3, 3]);
    expect(entries.every(({ logprob }) => logprob <= 0)).toBe(true);
  });

  test("think first when asked to reason, and count the thought", async () => {
    const { choices, usage } = await client.chat.completions.create({
      ...ask("echo:done"),
      reasoning_effort: "high",
    });
    expect(choices[0]?.message).toHaveProperty("reasoning_content", expect.stringMatching(/\w+/));
    expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(80);
    expect(usage?.completion_tokens).toBe(81);
  });

  test("satisfy the schema of the response format", async () => {
    const schema = z.strictObject({
      name: z.string(),
      size: z.enum(["s", "m"]),
      parts: z.array(z.strictObject({ id: z.int(), ok: z.boolean() })),
    });
    const { choices } = await client.chat.completions.create({
      ...ask("Describe"),
      response_format: {
        type: "json_schema",
        json_schema: { name: "thing", strict: true, schema: z.toJSONSchema(schema) },
      },
    });
    const parsed = schema.safeParse(JSON.parse(choices[0]?.message.content ?? ""));
    expect(parsed.error).toBeUndefined();
  });

  test("accept images, audio and files, and count images", async () => {
    const { usage } = await client.chat.completions.create({
      model: MODEL,
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AA==", detail: "low" } },
            { type: "input_audio", input_audio: { data: "AAAAAAAA", format: "wav" } },
            { type: "file", file: { filename: "a.txt", file_data: "AAAA" } },
          ],
        },
      ],
    });
    expect(usage?.prompt_tokens_details).toMatchObject({ image_tokens: 85, audio_tokens: 2 });
  });

  test("report a prefix that was seen before as cached", async () => {
    configure({ promptCache: true });
    const first = await client.chat.completions.create(ask("echo:a long story"));
    const second = await client.chat.completions.create(ask("echo:a long story"));
    expect(first.usage?.prompt_tokens_details?.cached_tokens).toBe(0);
    expect(second.usage?.prompt_tokens_details?.cached_tokens).toBe(first.usage?.prompt_tokens);
  });

  test("list the one model", async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual([MODEL]);
  });
});

describe("streams", () => {
  test("say the same as the unary answer for the same seed", async () => {
    const unary = await client.chat.completions.create({ ...ask("Hello"), seed: 3 });
    const stream = await client.chat.completions.create({ ...ask("Hello"), seed: 3, stream: true });
    expect(textOf(await collect(stream))).toBe(unary.choices[0]?.message.content);
  });

  test("end with usage on a chunk without choices, and null before it", async () => {
    const chunks = await collect(
      await client.chat.completions.create({
        ...ask("echo:one two three"),
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 3 });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  test("hold no usage unless asked for", async () => {
    const chunks = await collect(
      await client.chat.completions.create({ ...ask("echo:one"), stream: true }),
    );
    expect(chunks.every((chunk) => !("usage" in chunk))).toBe(true);
  });

  test("interleave their choices", async () => {
    const chunks = await collect(
      await client.chat.completions.create({ ...ask("echo:one two three"), n: 2, stream: true }),
    );
    const withText = chunks.filter(({ choices }) => choices[0]?.delta.content);
    expect(withText.map(({ choices }) => choices[0]?.index)).toEqual([0, 1, 0, 1, 0, 1]);
    expect([textOf(chunks, 0), textOf(chunks, 1)]).toEqual(["one two three", "one two three"]);
  });

  test("carry reasoning before text, in the field of the profile", async () => {
    configure({ quirks: { reasoningField: "reasoning" } });
    const chunks = await collect(
      await client.chat.completions.create({
        ...ask("echo:done"),
        stream: true,
        reasoning_effort: "low",
      }),
    );
    const kinds = chunks.flatMap(({ choices: [choice] }) => Object.keys(choice?.delta ?? {}));
    expect(kinds.filter((kind) => kind === "reasoning")).toHaveLength(16);
    expect(kinds.lastIndexOf("reasoning")).toBeLessThan(kinds.lastIndexOf("content"));
  });

  test("carry log probabilities with their tokens", async () => {
    const chunks = await collect(
      await client.chat.completions.create({
        ...ask("echo:one two"),
        stream: true,
        logprobs: true,
      }),
    );
    const tokens = chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []);
    expect(tokens.map(({ token }) => token)).toEqual(["one", " two"]);
  });

  test.each([
    { name: "split at every byte", patch: { chunkBytes: 1 } },
    { name: "with CRLF line ends", patch: { quirks: { crlf: true } } },
    { name: "with comments before the first token", patch: { quirks: { keepAliveComments: 5 } } },
    { name: "with Azure's first chunk", patch: { quirks: { promptFilterChunk: true } } },
    { name: "with several tokens per chunk", patch: { tokensPerChunk: 3 } },
    { name: "at a real pace", patch: { timeScale: 0.001 } },
    { name: "without an end mark", patch: { missingDone: { rate: 1 } } },
  ])("arrive whole $name", async ({ patch }) => {
    configure(patch);
    const stream = await client.chat.completions.create({
      ...ask("echo:grüße an alle im 🌍 dort"),
      stream: true,
    });
    expect(textOf(await collect(stream))).toBe("grüße an alle im 🌍 dort");
  });

  test("report usage so far on every chunk when asked to", async () => {
    const body = { ...ask("echo:one two"), stream: true };
    const stream_options = { include_usage: true, continuous_usage_stats: true };
    const text = await (await post(JSON.stringify({ ...body, stream_options }))).text();
    const counts = [...text.matchAll(/"completion_tokens":(\d+)/g)].map(([, count]) => count);
    expect(counts).toEqual(["0", "1", "2", "2", "2"]);
  });

  test("hold filter results without a delta where the profile says so", async () => {
    configure({ quirks: { contentFilterChunks: true } });
    const text = await (await post(JSON.stringify({ ...ask("echo:one"), stream: true }))).text();
    const events = text.split("\n\n").filter((event) => event.includes("content_filter_results"));
    expect(events).toHaveLength(1);
    expect(events[0]).not.toContain("delta");
  });

  test("send Groq's usage in its own field", async () => {
    configure({ quirks: { groqUsage: true } });
    const chunks = await collect(
      await client.chat.completions.create({ ...ask("echo:one two"), stream: true }),
    );
    expect(chunks.at(-1)).toMatchObject({ x_groq: { usage: { completion_tokens: 2 } } });
  });

  test("send usage with the finish reason where the profile says so", async () => {
    configure({ quirks: { usageOnLastContent: true } });
    const chunks = await collect(
      await client.chat.completions.create({ ...ask("echo:one two"), stream: true }),
    );
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: "stop" }],
      usage: { completion_tokens: 2 },
    });
  });
});

describe("tools", () => {
  test("are called with arguments that satisfy their schema", async () => {
    const { choices } = await client.chat.completions.create({
      ...ask("Hello"),
      tools: [weather],
      tool_choice: "required",
    });
    const [call] = choices[0]?.message.tool_calls ?? [];
    expect(choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
    expect(call).toMatchObject({ type: "function", function: { name: "get_weather" } });
    const written = call?.type === "function" ? call.function.arguments : "";
    expect(weatherArguments.safeParse(JSON.parse(written)).error).toBeUndefined();
  });

  test("are not called unless mentioned", async () => {
    const create = (text: string) =>
      client.chat.completions.create({ ...ask(text), tools: [weather] });
    expect((await create("Hello")).choices[0]?.finish_reason).toBe("stop");
    expect((await create("Please get_weather")).choices[0]?.finish_reason).toBe("tool_calls");
  });

  test("are called in parallel when the text says so and the request permits it", async () => {
    const create = async (parallel: boolean) =>
      await client.chat.completions.create({
        ...ask("Use the tools in parallel"),
        tools: [weather, clock],
        parallel_tool_calls: parallel,
      });
    expect((await create(true)).choices[0]?.message.tool_calls).toHaveLength(2);
    expect((await create(false)).choices[0]?.message.tool_calls).toHaveLength(1);
  });

  test("stream their arguments in fragments that the SDK reassembles", async () => {
    const stream = client.chat.completions.stream({
      ...ask("Use the tools in parallel"),
      tools: [weather, clock],
    });
    const chunks = await collect(stream);
    const fragments = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    expect(fragments.filter(({ index }) => index === 0).length).toBeGreaterThan(2);
    expect(fragments.filter(({ id }) => id !== undefined).map(({ index }) => index)).toEqual([
      0, 1,
    ]);
    const { choices } = await stream.finalChatCompletion();
    const calls = choices[0]?.message.tool_calls ?? [];
    expect(calls.map((call) => call.type === "function" && call.function.name)).toEqual([
      "get_weather",
      "get_time",
    ]);
    const [first] = calls;
    const written = first?.type === "function" ? first.function.arguments : "";
    expect(weatherArguments.safeParse(JSON.parse(written)).error).toBeUndefined();
  });

  test("all stream at index 0 with ids of their own where the profile says so", async () => {
    configure({ quirks: { toolCallsAtIndexZero: true } });
    const chunks = await collect(
      await client.chat.completions.create({
        ...ask("Use the tools in parallel"),
        tools: [weather, clock],
        stream: true,
      }),
    );
    const opened = chunks
      .flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? [])
      .filter(({ id }) => id !== undefined);
    expect(opened.map(({ index }) => index)).toEqual([0, 0]);
    expect(new Set(opened.map(({ id }) => id)).size).toBe(2);
  });

  test("have their results quoted", async () => {
    const { choices } = await client.chat.completions.create({
      model: MODEL,
      tools: [weather],
      messages: [
        { role: "user", content: "Use the tool" },
        {
          role: "assistant",
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "get_weather", arguments: "{}" } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: "21 degrees" },
      ],
    });
    expect(choices[0]?.message.content).toContain("21 degrees");
  });
});

describe("failures", () => {
  test("refuse another key", async () => {
    const stranger = new OpenAI({ baseURL: fleet.baseUrl(ENDPOINT), apiKey: "x", maxRetries: 0 });
    const error = await failureOf(stranger.chat.completions.create(ask("Hello")));
    expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    expect(fleet.stats(ENDPOINT).failed).toEqual({ unauthorized: 1 });
  });

  test("know only the model they serve", async () => {
    const error = await failureOf(
      client.chat.completions.create({ ...ask("Hello"), model: "gpt-17" }),
    );
    expect(error).toMatchObject({ status: 404, code: "model_not_found" });
  });

  test("tell when to come back after a rate limit", async () => {
    configure({ rateLimited: { rate: 1, retryAfterSeconds: 7, retryAfterMs: 6_500 } });
    const error = await failureOf(client.chat.completions.create(ask("Hello")));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.code).toBe("rate_limit_exceeded");
    expect(error.headers?.get("retry-after")).toBe("7");
    expect(error.headers?.get("retry-after-ms")).toBe("6500");
  });

  test.each([
    { name: "a server error", patch: { serverError: { rate: 1 } }, status: 500, code: null },
    {
      name: "an overload",
      patch: { serverError: { rate: 1, status: 503 as const } },
      status: 503,
      code: "server_overloaded",
    },
    {
      name: "an exhausted quota",
      patch: { quotaExhausted: { rate: 1 } },
      status: 429,
      code: "credit_balance_exhausted",
    },
    {
      name: "a filtered prompt",
      patch: { contentFilter: { rate: 1 } },
      status: 400,
      code: "content_filter",
    },
    {
      name: "a prompt that is too long",
      patch: { contextLength: 3 },
      status: 400,
      code: "context_length_exceeded",
    },
    {
      name: "SGLang's flat body",
      patch: { badRequest: { rate: 1 }, quirks: { errorBody: "flat" as const } },
      status: 400,
      code: 400,
    },
    { name: "a proxy's page", patch: { htmlError: { rate: 1 } }, status: 502, code: undefined },
  ])("answer $name", async ({ patch, status, code }) => {
    configure(patch);
    const error = await failureOf(client.chat.completions.create(ask("Hello")));
    expect(error.status).toBe(status);
    expect(error.code).toBe(code);
  });

  test("arrive in a stream that began with HTTP 200", async () => {
    configure({ errorInStream: { rate: 1, afterTokens: 2 } });
    const stream = await client.chat.completions.create({ ...ask("echo:1 2 3 4"), stream: true });
    const texts: string[] = [];
    const read = async () => {
      for await (const chunk of stream) {
        texts.push(chunk.choices[0]?.delta.content ?? "");
      }
    };
    await expect(read()).rejects.toThrow(/had an error/);
    expect(texts.join("")).toBe("1 2");
  });

  test("precede all content where the profile says so", async () => {
    configure({ errorInStream: { rate: 1, afterTokens: 0 } });
    const text = await (await post(JSON.stringify({ ...ask("echo:one"), stream: true }))).text();
    const [role, error, ...more] = text.split("\n\n").filter((event) => event !== "");
    expect(role).toContain('"content":""');
    expect(error).toMatch(/^data: {"error":/);
    expect(more).toEqual([]);
  });

  test("meet an answer that is shorter than their number of tokens", async () => {
    configure({ errorInStream: { rate: 1, afterTokens: 100 } });
    const text = await (await post(JSON.stringify({ ...ask("echo:1 2"), stream: true }))).text();
    expect(text).toContain('data: {"error":');
    expect(text).not.toContain('" 2"');
  });

  test("cut the connection after some tokens", async () => {
    configure({ cutConnection: { rate: 1, afterTokens: 2 } });
    const stream = await client.chat.completions.create({ ...ask("echo:1 2 3 4"), stream: true });
    const texts: string[] = [];
    const read = async () => {
      for await (const chunk of stream) {
        texts.push(chunk.choices[0]?.delta.content ?? "");
      }
    };
    await expect(read()).rejects.toThrow(/terminated/);
    expect(texts.join("")).toBe("1 2");
    expect(fleet.stats(ENDPOINT)).toMatchObject({ aborted: 0, failed: { cutConnection: 1 } });
  });

  test("cut a unary answer", async () => {
    configure({ cutConnection: { rate: 1 } });
    await expect(client.chat.completions.create(ask("Hello"))).rejects.toThrow();
    await fleet.whenIdle(ENDPOINT);
    expect(fleet.stats(ENDPOINT)).toMatchObject({ completed: 0, failed: { cutConnection: 1 } });
  });

  test("break the JSON of one event", async () => {
    configure({ malformedChunk: { rate: 1, afterTokens: 1 } });
    const response = await post(JSON.stringify({ ...ask("echo:1 2 3"), stream: true }));
    const events = (await response.text()).split("\n\n").filter((event) => event !== "");
    const isBroken = (event: string) => {
      try {
        return event !== "data: [DONE]" && JSON.parse(event.slice("data: ".length)) === undefined;
      } catch {
        return true;
      }
    };
    expect(events.map(isBroken)).toEqual([false, false, true, false, false, false, false]);
  });

  test("end a stream without its end mark", async () => {
    const body = JSON.stringify({ ...ask("echo:1 2 3"), stream: true });
    const whole = await (await post(body)).text();
    configure({ missingDone: { rate: 1 } });
    const broken = await (await post(body)).text();
    expect(whole).toMatch(/\ndata: \[DONE\]\n\n$/);
    expect(broken).not.toContain("[DONE]");
  });

  test("filter an answer in its middle", async () => {
    configure({ contentFilter: { rate: 1, where: "answer" } });
    const { choices } = await client.chat.completions.create(ask("echo:1 2 3 4"));
    expect(choices[0]).toMatchObject({
      finish_reason: "content_filter",
      message: { content: "1 2" },
    });
  });

  test("omit usage or content where the profile says so", async () => {
    configure({ omitUsage: { rate: 1 }, emptyCompletion: { rate: 1 } });
    const completion = await client.chat.completions.create(ask("Hello"));
    expect(completion.usage).toBeUndefined();
    expect(completion.choices[0]?.message.content).toBe("");
  });

  test("limit the requests of a minute and say what remains", async () => {
    configure({ requestsPerMinute: 1 });
    const { response } = await client.chat.completions.create(ask("Hello")).withResponse();
    expect(response.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    const error = await failureOf(client.chat.completions.create(ask("Hello")));
    expect(error.status).toBe(429);
    expect(error.headers?.get("retry-after")).toBe("30");
    expect(error.headers?.get("x-ratelimit-reset-requests")).toBe("30s");
  });

  test("limit what is open at a time", async () => {
    configure({ maxConcurrency: 1, stallBeforeFirstToken: { rate: 1 } });
    const stalled = await client.chat.completions.create({ ...ask("Hello"), stream: true });
    const error = await failureOf(client.chat.completions.create(ask("Hello")));
    expect(error.status).toBe(429);
    stalled.controller.abort();
    await fleet.whenIdle(ENDPOINT);
  });
});

describe("clients that leave", () => {
  test("are noticed in mid-answer, with the time", async () => {
    configure({ timeScale: 1, firstTokenMs: { p50: 1, p95: 1 } });
    const stream = await client.chat.completions.create({ ...ask("A long story"), stream: true });
    const first = await stream[Symbol.asyncIterator]().next();
    expect(first.done).toBe(false);
    stream.controller.abort();
    await fleet.whenIdle(ENDPOINT);
    expect(fleet.stats(ENDPOINT)).toEqual({
      requests: 1,
      completed: 0,
      aborted: 1,
      abortedAtMs: [NOW_MS],
      failed: {},
      open: 0,
    });
  });

  test.each(["stallBeforeFirstToken", "stallMidStream"] as const)(
    "are noticed when they give up on %s",
    async (mode) => {
      configure({ [mode]: { rate: 1 } });
      const stream = await client.chat.completions.create({ ...ask("Hello"), stream: true });
      stream.controller.abort();
      await fleet.whenIdle(ENDPOINT);
      expect(fleet.stats(ENDPOINT)).toMatchObject({ aborted: 1, failed: { [mode]: 1 } });
    },
  );

  test("are noticed when they give up on headers", async () => {
    configure({ stallBeforeHeaders: { rate: 1 } });
    const impatient = client.chat.completions.create(ask("Hello"), { timeout: 250 });
    await expect(impatient).rejects.toThrow(APIConnectionError);
    await fleet.whenIdle(ENDPOINT);
    expect(fleet.stats(ENDPOINT)).toMatchObject({
      aborted: 1,
      failed: { stallBeforeHeaders: 1 },
    });
  });
});

describe("requests that the API refuses", () => {
  const user = { role: "user", content: "Hi" };
  const assistant = {
    role: "assistant",
    tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }],
  };
  test.each([
    { name: "without a model", body: { messages: [user] }, param: null, code: null },
    {
      name: "without messages",
      body: { model: MODEL },
      param: "messages",
      code: "missing_required_parameter",
    },
    {
      name: "with no message",
      body: { model: MODEL, messages: [] },
      param: "messages",
      code: "empty_array",
    },
    {
      name: "of an unknown role",
      body: { model: MODEL, messages: [{ role: "robot", content: "Hi" }] },
      param: "messages[0].role",
      code: "invalid_value",
    },
    {
      name: "with a tool message that answers no call",
      body: { model: MODEL, messages: [user, { role: "tool", tool_call_id: "x", content: "1" }] },
      param: "messages.[1].role",
      code: null,
    },
    {
      name: "with a call that no message answers",
      body: { model: MODEL, messages: [user, assistant, user] },
      param: "messages.[2].role",
      code: null,
    },
    {
      name: "too hot",
      body: { model: MODEL, messages: [user], temperature: 3 },
      param: "temperature",
      code: "decimal_above_max_value",
    },
    {
      name: "for no choice",
      body: { model: MODEL, messages: [user], n: 0 },
      param: "n",
      code: "integer_below_min_value",
    },
    {
      name: "with stream options and no stream",
      body: { model: MODEL, messages: [user], stream_options: {} },
      param: "stream_options",
      code: null,
    },
    {
      name: "that choose among no tools",
      body: { model: MODEL, messages: [user], tool_choice: "required" },
      param: "tool_choice",
      code: null,
    },
    {
      name: "with an unknown argument",
      body: { model: MODEL, messages: [user], colour: 1 },
      param: null,
      code: null,
    },
  ])("$name", async ({ body, param, code }) => {
    const response = await post(JSON.stringify(body));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: "invalid_request_error", param, code },
    });
  });

  test("whose JSON is broken", async () => {
    const response = await post("{");
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("could not parse the JSON body");
  });

  test("of another content type", async () => {
    expect((await post("{}", { "content-type": "text/plain" })).status).toBe(415);
  });

  test("with the parameters of self-hosted engines, unless the profile takes them", async () => {
    const body = JSON.stringify({ ...ask("Hello"), top_k: 5 });
    expect((await post(body)).status).toBe(200);
    configure({ acceptsExtras: false });
    const response = await post(body);
    expect(await response.json()).toMatchObject({
      error: { message: "Unrecognized request argument supplied: top_k" },
    });
  });
});
