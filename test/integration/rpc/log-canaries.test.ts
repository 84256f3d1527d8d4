import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { routerClient, specOf } from "../../support/router-client.ts";
import { INSTANT_FLEET, type RunningRouter, startRouter } from "../../support/running-router.ts";

const KEY = "sk-canary-key-5f1d7a0e9b";
const PROMPT = "canary-prompt-91c2";
const ANSWER = "canary-answer-77aa";
const LABEL = "canary-label-03de";
const MODEL = "openai/gpt-4o-mini";
const canaries = [KEY, PROMPT, ANSWER, LABEL];

let provider: Server;
let router: RunningRouter;
let answer: { status: number; type: string; body: string };

beforeEach(async () => {
  provider = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(answer.status, { "content-type": answer.type }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  const { port } = provider.address() as AddressInfo;
  const config = `${INSTANT_FLEET}log: { level: debug }\nproviders:\n  openai:\n    baseUrl: http://127.0.0.1:${port}/v1\n`;
  router = await startRouter({ config, env: { OPENAI_API_KEY: KEY } });
});

afterEach(async () => {
  await router.stop();
  await new Promise((resolve) => provider.close(resolve));
});

const whole = JSON.stringify({
  model: "gpt-4o-mini-real",
  choices: [{ index: 0, message: { content: ANSWER }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
});
const json = "application/json";
const events = "text/event-stream";
const echo = JSON.stringify({
  error: { message: `bad ${KEY}: ${PROMPT} ${ANSWER}`, type: PROMPT, code: ANSWER },
});

/** Unary and streamed, alone and with others to fall back to. */
async function callInEveryWay(): Promise<void> {
  const client = routerClient(router.grpcUrl);
  const spec = specOf(MODEL, PROMPT);
  const caller = { application: "app", endUserHash: LABEL, labels: { team: LABEL } };
  for (const routing of [{ onlyProviders: ["openai"] }, { providerOrder: ["openai"] }]) {
    await client.complete({ spec, routing, caller }).catch(() => undefined);
    await drained(client.streamComplete({ spec, routing, caller })).catch(() => undefined);
  }
}

async function drained(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) {
    // Only its end matters.
  }
}

describe("the log, at its most talkative, holds neither key, prompt, answer nor label", () => {
  test.each([
    { name: "answers", answer: { status: 200, type: json, body: whole } },
    { name: "refuses the key", answer: { status: 401, type: json, body: echo } },
    { name: "refuses the request", answer: { status: 400, type: json, body: echo } },
    { name: "has no such model", answer: { status: 404, type: json, body: echo } },
    { name: "limits the rate", answer: { status: 429, type: json, body: echo } },
    { name: "fails", answer: { status: 500, type: json, body: echo } },
    {
      name: "is overloaded, in plain text",
      answer: { status: 503, type: "text/plain", body: echo },
    },
    { name: "answers half", answer: { status: 200, type: json, body: whole.slice(0, -30) } },
    {
      name: "answers something else",
      answer: { status: 200, type: json, body: JSON.stringify({ [PROMPT]: KEY }) },
    },
    {
      name: "streams garbage",
      answer: { status: 200, type: events, body: `data: ${PROMPT} ${ANSWER} ${KEY}\n\n` },
    },
    {
      name: "breaks its stream off",
      answer: {
        status: 200,
        type: events,
        body: `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: ANSWER } }] })}\n\n`,
      },
    },
    {
      name: "streams an error",
      answer: { status: 200, type: events, body: `data: ${echo}\n\ndata: [DONE]\n\n` },
    },
  ])("when the provider $name", async ({ answer: scripted }) => {
    answer = scripted;
    await callInEveryWay();
    for (const canary of canaries) {
      expect(router.output()).not.toContain(canary);
    }
  });

  test("when the request is refused", async () => {
    answer = { status: 200, type: json, body: whole };
    const client = routerClient(router.grpcUrl);
    const spec = specOf(MODEL, PROMPT);
    const bad = [
      client.complete({ spec, requestId: LABEL }),
      client.complete({ spec, routing: { onlyProviders: [LABEL] } }),
      client.complete({ spec: { ...spec, messages: [] } }),
      client.complete({ spec }, { headers: { authorization: `Bearer ${KEY}` }, timeoutMs: 1 }),
    ];
    expect((await Promise.allSettled(bad)).length).toBe(4);
    for (const canary of canaries) {
      expect(router.output()).not.toContain(canary);
    }
  });
});
