import { describe, expect, test } from "vitest";
import { decideReply } from "../../../src/simulator/decide-reply.ts";
import { createEndpoint } from "../../../src/simulator/endpoint.ts";

const headers = {
  "content-type": "application/json",
  "anthropic-version": "2023-06-01",
};
const messages = [{ role: "user", content: "Hello" }];

function askOpenai(schema: unknown) {
  const format = { type: "json_schema", json_schema: { name: "n", schema } };
  const body = JSON.stringify({ model: "m", messages, response_format: format });
  return ask("openai-chat", "/chat/completions", body);
}

function askAnthropic(schema: unknown) {
  const tools = [{ name: "t", input_schema: schema }];
  const tool_choice = { type: "any" };
  const body = JSON.stringify({ model: "m", max_tokens: 9, messages, tools, tool_choice });
  return ask("anthropic-messages", "/messages", body);
}

function ask(dialect: "openai-chat" | "anthropic-messages", path: string, body: string) {
  const endpoint = createEndpoint(
    { id: "a", provider: "p", dialect, upstreamModel: "m", profile: {} },
    1,
  );
  const incoming = { method: "POST", path, headers, body };
  return decideReply(endpoint, incoming, { nowMs: 1_800_000_000_000, apiKey: undefined });
}

describe("decideReply()", () => {
  test.each([
    { name: "whose value would be too large", schema: { required: ["a"], minProperties: 1e9 } },
    { name: "with a malformed reference", schema: { allOf: [{ $ref: "#/%" }] } },
    {
      name: "with a step of 0",
      schema: { properties: { a: { type: "number", multipleOf: 0 } }, required: ["a"] },
    },
  ])("refuses a schema $name as a bad request, in either dialect", ({ schema }) => {
    const refused = { kind: "refusal", refusal: { kind: "badRequest" } };
    expect(askOpenai(schema)).toMatchObject(refused);
    expect(askAnthropic(schema)).toMatchObject(refused);
  });

  test("answers a plain schema in either dialect", () => {
    const schema = { type: "object", properties: { a: { const: 1 } } };
    expect([askOpenai(schema).kind, askAnthropic(schema).kind]).toEqual([
      "completion",
      "completion",
    ]);
  });
});
