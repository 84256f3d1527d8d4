import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { answerRequest } from "../../../src/simulator/answer-request.ts";
import { createEndpoint, type Endpoint } from "../../../src/simulator/endpoint.ts";

const NOW_MS = 1_800_000_000_000;

let endpoint: Endpoint;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const profile = { firstTokenMs: { p50: 400, p95: 400 } };
  const provider = "p";
  endpoint = createEndpoint(
    { id: "a", provider, dialect: "openai-chat", upstreamModel: "m", profile },
    1,
  );
});

afterEach(() => {
  vi.useRealTimers();
});

/** A request whose body is complete, and the response to it, both without a connection. */
async function begin(stream: boolean): Promise<ServerResponse> {
  const request = new IncomingMessage(new Socket());
  request.method = "POST";
  request.headers = { "content-type": "application/json" };
  const response = new ServerResponse(request);
  const world = { apiKey: undefined, nowMs: () => NOW_MS };
  answerRequest(endpoint, { request, response, path: "/chat/completions" }, world);
  const ended = new Promise((resolve) => request.once("end", resolve));
  const messages = [{ role: "user", content: "Hello" }];
  request.push(JSON.stringify({ model: "m", messages, stream }));
  request.push(null);
  await ended;
  return response;
}

describe("answerRequest()", () => {
  test.each([
    { name: "a stream", stream: true },
    { name: "a unary answer", stream: false },
  ])("clears the one timer of $name when its client leaves", async ({ stream }) => {
    const response = await begin(stream);
    expect(vi.getTimerCount()).toBe(1);
    response.emit("close");
    expect(vi.getTimerCount()).toBe(0);
    expect(endpoint.stats.read()).toMatchObject({ aborted: 1, abortedAtMs: [NOW_MS], open: 0 });
  });

  test("sends headers half-way to the first token", async () => {
    const response = await begin(true);
    vi.advanceTimersByTime(190);
    expect(response.headersSent).toBe(false);
    vi.advanceTimersByTime(20);
    expect(response.headersSent).toBe(true);
  });
});
