import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { readFixture } from "../../fixtures/upstream/read-fixture.ts";
import { fastestOf } from "../../support/fastest-of.ts";
import { until } from "../../support/until.ts";
import {
  closedUrl,
  closingOf,
  type Exchange,
  useHttpServer,
  useSocketServer,
} from "./scripted-server.ts";
import { CANARY, useUpstream } from "./use-upstream.ts";

const SSE = { "content-type": "text/event-stream", "x-request-id": "req_1" };
const JSON_TYPE = { "content-type": "application/json" };
const whole = JSON.stringify({
  id: "c1",
  model: "m",
  choices: [{ index: 0, message: { content: "Hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
});
const first = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "Hi" } }] })}\n\n`;

function streamFixture(path: string) {
  return ({ response }: Exchange) => {
    response.writeHead(200, SSE).end(readFixture(path));
  };
}

function answer(status: number, body: string, headers: Record<string, string> = JSON_TYPE) {
  return ({ response }: Exchange) => {
    response.writeHead(status, headers).end(body);
  };
}

describe("a call", () => {
  it("streams an answer of OpenAI", async () => {
    const { baseUrl, requests } = await useHttpServer(streamFixture("openai/text.sse"));
    const { outcome, events, text } = await useUpstream({ baseUrl }).call();
    expect(outcome).toEqual({ kind: "success" });
    expect(text).toBe("The sky is blüe 🌌.");
    expect(events[0]).toEqual({
      kind: "response-start",
      httpStatus: 200,
      upstreamRequestId: "req_1",
      upstreamModel: undefined,
    });
    expect(requests[0]?.request).toMatchObject({
      method: "POST",
      url: "/chat/completions",
      headers: { authorization: `Bearer ${CANARY}`, "accept-encoding": "identity" },
    });
    expect(JSON.parse(requests[0]?.body ?? "")).toMatchObject({ stream: true });
  });

  it("streams an answer of Anthropic", async () => {
    const { baseUrl, requests } = await useHttpServer(streamFixture("anthropic/text.sse"));
    const { outcome, text } = await useUpstream({ baseUrl }).call({
      endpoint: { dialect: "anthropic-messages" },
    });
    expect([outcome.kind, text]).toEqual(["success", "Hej då"]);
    expect(requests[0]?.request).toMatchObject({
      url: "/messages",
      headers: { "x-api-key": CANARY, "anthropic-version": "2023-06-01" },
    });
  });

  it("takes an answer whole", async () => {
    const { baseUrl } = await useHttpServer(answer(200, whole));
    const { outcome, text } = await useUpstream({ baseUrl }).call({ stream: false });
    expect([outcome.kind, text]).toEqual(["success", "Hi"]);
  });

  it("takes a whole answer in place of a stream and a stream in place of a whole answer", async () => {
    const { baseUrl } = await useHttpServer((exchange) =>
      exchange.body.includes('"stream":true')
        ? answer(200, whole)(exchange)
        : streamFixture("openai/text.sse")(exchange),
    );
    const upstream = useUpstream({ baseUrl });
    const kinds = [await upstream.call({ stream: true }), await upstream.call({ stream: false })];
    expect(kinds.map(({ outcome }) => outcome.kind)).toEqual(["success", "success"]);
  });

  it("uses its connection again", async () => {
    const server = await useHttpServer(streamFixture("openai/text.sse"));
    const upstream = useUpstream(server);
    for (let round = 0; round < 5; round += 1) {
      await upstream.call();
      await new Promise(setImmediate);
    }
    expect(server.connections()).toBe(1);
  });

  it("tells the provider where the attempt stands in its trace", async () => {
    const { baseUrl, requests } = await useHttpServer(answer(200, whole));
    const upstream = useUpstream({ baseUrl });
    await upstream.call({ stream: false, trace: { traceparent: "00-a-b-01", tracestate: "x=1" } });
    await upstream.call({ stream: false, trace: { traceparent: "00-a-c-00", tracestate: "" } });
    await upstream.call({ stream: false });
    const told = requests.map(({ request }) => [
      request.headers["traceparent"],
      request.headers["tracestate"],
    ]);
    expect(told).toEqual([
      ["00-a-b-01", "x=1"],
      ["00-a-c-00", undefined],
      [undefined, undefined],
    ]);
  });

  it("ends at the end mark of a response that stays open", async () => {
    const { baseUrl, requests } = await useHttpServer(({ response }) => {
      response.writeHead(200, SSE).write(readFixture("openai/text.sse"));
    });
    expect((await useUpstream({ baseUrl }).call()).outcome.kind).toBe("success");
    await closingOf(requests[0] as Exchange);
  });

  it("tells of comments that keep it alive", async () => {
    const { promise: heard, resolve: hear } = Promise.withResolvers<void>();
    const { baseUrl } = await useHttpServer(async ({ response }) => {
      response.writeHead(200, SSE).write(": keep-alive\n\n");
      await heard;
      response.end(readFixture("openai/text.sse"));
    });
    const kinds: string[] = [];
    await useUpstream({ baseUrl }).call({
      onActivity: () => {
        kinds.push("activity");
        hear();
      },
      onEvent: ({ kind }) => kinds.push(kind),
    });
    expect(kinds.slice(0, 4)).toEqual(["response-start", "activity", "activity", "response-start"]);
  });

  it("is complete although the connection breaks behind its last finish reason", async () => {
    const { baseUrl } = await useHttpServer(({ response }) => {
      response.writeHead(200, SSE).write(readFixture("openai/missing-done.sse"), () => {
        response.destroy();
      });
    });
    expect((await useUpstream({ baseUrl }).call()).outcome.kind).toBe("success");
  });
});

describe("an abort", () => {
  const cases = [
    ["a stream before its headers", true, (_: Exchange) => undefined],
    ["a whole answer before its headers", false, (_: Exchange) => undefined],
    [
      "a stream after content",
      true,
      ({ response }: Exchange) => void response.writeHead(200, SSE).write(first),
    ],
    [
      "a whole answer in its middle",
      false,
      ({ response }: Exchange) => void response.writeHead(200, JSON_TYPE).write(whole.slice(0, 9)),
    ],
    [
      "an error in its middle",
      true,
      ({ response }: Exchange) => void response.writeHead(500, JSON_TYPE).write("{"),
    ],
  ] as const;

  it.each(cases)("of %s reaches the server within 50 ms", async (_, stream, script) => {
    let arrival = Promise.withResolvers<Exchange>();
    const { baseUrl } = await useHttpServer((exchange) => {
      script(exchange);
      arrival.resolve(exchange);
    });
    const upstream = useUpstream({ baseUrl });

    async function abortLagMs(): Promise<number> {
      arrival = Promise.withResolvers<Exchange>();
      const answering = Promise.withResolvers<void>();
      const controller = new AbortController();
      const call = upstream.call({
        stream,
        signal: controller.signal,
        onEvent: () => answering.resolve(),
        onActivity: () => answering.resolve(),
      });
      const exchange = await arrival.promise;
      await (exchange.response.headersSent ? answering.promise : undefined);
      const abortedAt = performance.now();
      controller.abort();
      const { outcome } = await call;
      await closingOf(exchange);
      expect(outcome.kind).toBe("canceled");
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
      return performance.now() - abortedAt;
    }

    expect(await fastestOf(5, abortLagMs)).toBeLessThan(50);
  });

  it("before the call sends nothing", async () => {
    const { baseUrl, requests } = await useHttpServer(answer(200, whole));
    const { outcome } = await useUpstream({ baseUrl }).call({ signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ kind: "canceled", sent: false });
    expect(requests).toHaveLength(0);
  });

  it("of a call that waits for a connection sends nothing and keeps the connection", async () => {
    const releases: (() => void)[] = [];
    const server = await useHttpServer((exchange) => {
      releases.push(() => answer(200, whole)(exchange));
    });
    const upstream = useUpstream(server, { maxConnectionsPerOrigin: 1 });
    const controller = new AbortController();
    const running = upstream.call({ stream: false });
    const waiting = upstream.call({ stream: false, signal: controller.signal });
    const last = upstream.call({ stream: false });
    controller.abort();
    expect((await waiting).outcome).toMatchObject({ kind: "canceled", sent: false });
    while (releases.length === 0) {
      await new Promise(setImmediate);
    }
    releases[0]?.();
    await running;
    while (releases.length === 1) {
      await new Promise(setImmediate);
    }
    releases[1]?.();
    expect((await last).outcome.kind).toBe("success");
    expect([server.requests.length, server.connections()]).toEqual([2, 1]);
  });

  it("leaves no listener behind a call that ended by itself", async () => {
    const { baseUrl } = await useHttpServer(answer(200, whole));
    const { signal } = new AbortController();
    await useUpstream({ baseUrl }).call({ stream: false, signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("from within an event ends the call and its events", async () => {
    const { baseUrl } = await useHttpServer(streamFixture("openai/text.sse"));
    const controller = new AbortController();
    const { outcome, text } = await useUpstream({ baseUrl }).call({
      signal: controller.signal,
      onEvent: ({ kind }) => kind === "text-delta" && controller.abort(),
    });
    expect([outcome.kind, text]).toEqual(["canceled", "The sky"]);
  });
});

describe("a failure of the connection", () => {
  it("refused is network and nothing was sent", async () => {
    const { outcome } = await useUpstream({ baseUrl: await closedUrl() }).call();
    expect(outcome).toMatchObject({ kind: "network", sent: false });
  });

  it("never established is a connect timeout", async () => {
    // The server takes the connection and never answers the TLS handshake.
    const url = await useSocketServer(() => undefined);
    const upstream = useUpstream(
      { baseUrl: url.replace("http:", "https:") },
      { connectTimeoutMs: 100 },
    );
    expect((await upstream.call()).outcome).toMatchObject({ kind: "connect-timeout", sent: false });
  });

  it("without TLS on the other side is network and nothing was sent", async () => {
    const { baseUrl } = await useHttpServer(answer(200, whole));
    const { outcome } = await useUpstream({ baseUrl: baseUrl.replace("http:", "https:") }).call();
    expect(outcome).toMatchObject({ kind: "network", sent: false });
  });

  it.each([
    ["before the headers", "", "network"],
    ["in the headers", "HTTP/1.1 200 OK\r\ncontent-ty", "network"],
    [
      "in a whole answer",
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
      "network",
    ],
    [
      "in a stream",
      `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${first.length.toString(16)}\r\n${first}\r\n`,
      "network",
    ],
    [
      "in a stream that only the end of the connection ends",
      `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${first}`,
      "network",
    ],
    [
      "behind a refusal",
      "HTTP/1.1 429 Too Many\r\ncontent-length: 99\r\nretry-after: 3\r\n\r\n{",
      "rate-limited",
    ],
  ])("%s is a failure of its own", async (_, bytes, kind) => {
    const baseUrl = await useSocketServer((socket) => {
      socket.once("data", () => socket.end(bytes));
    });
    expect((await useUpstream({ baseUrl }).call()).outcome).toMatchObject({ kind, sent: true });
  });

  it.each([
    ["no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
    [
      "a broken chunk",
      `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    ],
    ["giant headers", `HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}\r\n\r\n`],
  ])("%s is a malformed response", async (_, bytes) => {
    const baseUrl = await useSocketServer((socket) => {
      socket.once("data", () => socket.write(bytes));
    });
    expect((await useUpstream({ baseUrl }).call()).outcome.kind).toBe("malformed-response");
  });

  it("after the upstream is closed is network", async () => {
    const { baseUrl } = await useHttpServer(answer(200, whole));
    const upstream = useUpstream({ baseUrl });
    await upstream.close();
    expect((await upstream.call()).outcome).toMatchObject({ kind: "network", sent: false });
  });

  it("by closing the upstream is network", async () => {
    const { baseUrl } = await useHttpServer(({ response }) => {
      response.writeHead(200, SSE).write(first);
    });
    const upstream = useUpstream({ baseUrl });
    const { outcome } = await upstream.call({
      onEvent: ({ kind }) => kind === "text-delta" && void upstream.close(),
    });
    expect(outcome.kind).toBe("network");
  });
});

describe("a refusal", () => {
  it("keeps status, request id and wait", async () => {
    const headers = { ...JSON_TYPE, "x-request-id": "req_9", "retry-after-ms": "40" };
    const { baseUrl } = await useHttpServer(
      answer(429, '{"error":{"code":"rate_limit_exceeded"}}', headers),
    );
    expect((await useUpstream({ baseUrl }).call()).outcome).toEqual({
      kind: "rate-limited",
      message: "The endpoint limits the rate of requests (HTTP 429, rate_limit_exceeded).",
      httpStatus: 429,
      upstreamRequestId: "req_9",
      retryAfterMs: 40,
      sent: true,
    });
  });

  it("may be a page of a proxy", async () => {
    const { baseUrl } = await useHttpServer(
      answer(502, "<html><h1>502</h1></html>", { "content-type": "text/html" }),
    );
    expect((await useUpstream({ baseUrl }).call()).outcome.kind).toBe("server-error");
  });

  it("is not waited for beyond its status", async () => {
    const { baseUrl } = await useHttpServer(({ response }) => {
      response.writeHead(503, JSON_TYPE).write("x".repeat(70 * 1024));
    });
    expect((await useUpstream({ baseUrl }).call()).outcome.kind).toBe("overloaded");
  });

  it("whose body never ends is one after two seconds", async () => {
    const { baseUrl } = await useHttpServer(({ response }) => {
      response.writeHead(500, JSON_TYPE).write("{");
    });
    const startedAt = performance.now();
    expect((await useUpstream({ baseUrl }).call()).outcome.kind).toBe("server-error");
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it("by redirect is not followed", async () => {
    const { baseUrl, requests } = await useHttpServer(({ response }) => {
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    expect((await useUpstream({ baseUrl }).call()).outcome).toMatchObject({
      kind: "server-error",
      httpStatus: 307,
    });
    expect(requests).toHaveLength(1);
  });

  it("inside of a 200 is one", async () => {
    const { baseUrl } = await useHttpServer(
      answer(200, '{"error":{"code":"context_length_exceeded","message":"too long"}}'),
    );
    expect((await useUpstream({ baseUrl }).call()).outcome).toMatchObject({
      kind: "context-length",
      message: "too long",
    });
  });
});

describe("an answer that cannot be read", () => {
  it.each([
    ["a page in place of a stream", "<html>", { "content-type": "text/html" }, true],
    ["a page in place of JSON", "<html>", JSON_TYPE, false],
    ["nothing", "", JSON_TYPE, false],
    ["broken JSON in a stream", "data: {\n\n", SSE, true],
  ])("may be %s", async (_, body, headers, stream) => {
    const { baseUrl } = await useHttpServer(answer(200, body, headers));
    const { outcome } = await useUpstream({ baseUrl }).call({ stream });
    expect(outcome.kind).toBe("malformed-response");
  });

  it.each([
    ["a whole answer", false, JSON_TYPE, "x"],
    ["an event", true, SSE, "data: "],
  ])("may be %s without end", async (_, stream, headers, begin) => {
    const { baseUrl, requests } = await useHttpServer(({ response }) => {
      response.writeHead(200, headers).write(begin);
      const more = () => {
        response.write("x".repeat(10_000), (error) => !error && setImmediate(more));
      };
      more();
    });
    const limits = { maxResponseBytes: 100_000, maxEventBytes: 100_000 };
    const { outcome } = await useUpstream({ baseUrl }, limits).call({ stream });
    expect(outcome).toMatchObject({ kind: "malformed-response", httpStatus: 200 });
    await closingOf(requests[0] as Exchange);
  });
});

describe("a request that cannot be sent", () => {
  it.each([
    ["too large", { maxRequestBytes: 10 }, {}, "bad-request"],
    [
      "with a schema that is none",
      {},
      { responseFormat: { kind: "json-schema", name: "", schemaJson: "[", strict: undefined } },
      "bad-request",
    ],
  ] as const)("%s is refused here", async (_, options, spec, kind) => {
    const { baseUrl, requests } = await useHttpServer(answer(200, whole));
    const { outcome } = await useUpstream({ baseUrl }, options).call({ spec });
    expect(outcome).toMatchObject({ kind, sent: false });
    expect(requests).toHaveLength(0);
  });

  it.each([
    ["address", { baseUrl: "not a url" }],
    ["key", { baseUrl: "http://127.0.0.1:9", apiKey: `${CANARY}\nx: y` }],
  ])("for a wrong %s is a server error", async (_, connection) => {
    const { outcome } = await useUpstream(connection).call();
    expect(outcome).toMatchObject({ kind: "server-error", sent: false });
    expect(JSON.stringify(outcome)).not.toContain(CANARY);
  });
});

describe("the key", () => {
  const echoes = [
    ["an error's message", 400, `{"error":{"message":"bad key ${CANARY} here"}}`, {}],
    ["an error's code", 500, `{"error":{"code":"${CANARY}","type":"${CANARY}"}}`, {}],
    ["an error's page", 400, `<html>${CANARY}</html>`, {}],
    ["a header", 400, "{}", { "x-request-id": `req-${CANARY}` }],
    ["a refusal of credentials", 401, `{"error":{"message":"Incorrect key: ${CANARY}"}}`, {}],
    [
      "an error in a 200",
      200,
      `{"error":{"type":"invalid_request_error","message":"${CANARY}"}}`,
      {},
    ],
    ["a model's name", 200, `{"model":"${CANARY}","choices":[]}`, { "x-request-id": CANARY }],
    ["broken JSON", 200, `{"${CANARY}`, {}],
  ] as const;

  it.each(echoes)("does not come back in %s", async (_, status, body, headers) => {
    const { baseUrl } = await useHttpServer(answer(status, body, { ...JSON_TYPE, ...headers }));
    const { outcome, events } = await useUpstream({ baseUrl: `${baseUrl}/?key=${CANARY}` }).call();
    expect(outcome.kind).not.toBe("success");
    expect(JSON.stringify([outcome, events])).not.toContain(CANARY);
    expect(String((outcome as { cause?: unknown }).cause)).not.toContain(CANARY);
  });
});

describe("many calls", () => {
  it("given up at random leave nothing running", async () => {
    const open = new Set<Exchange>();
    const { baseUrl, requests } = await useHttpServer((exchange) => {
      open.add(exchange);
      exchange.response.on("close", () => open.delete(exchange));
      exchange.response.writeHead(200, SSE).write(first);
    });
    const upstream = useUpstream({ baseUrl });
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        upstream.call({ signal: AbortSignal.timeout(10 + index) }),
      ),
    );
    expect(outcomes.every(({ outcome }) => outcome.kind === "canceled")).toBe(true);
    await until(() => open.size === 0);
    expect(requests.length).toBeLessThanOrEqual(50);
  });
});
