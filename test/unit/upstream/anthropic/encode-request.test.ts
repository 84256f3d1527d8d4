import { describe, expect, it } from "vitest";
import type { CompletionSpec } from "../../../../src/domain/completion.ts";
import { encodeRequest } from "../../../../src/upstream/anthropic/encode-request.ts";
import type { EncodeInput } from "../../../../src/upstream/dialect-adapter.ts";
import { UnencodableRequest } from "../../../../src/upstream/unencodable-request.ts";
import { exampleEndpoint, exampleSpec } from "../../../support/examples.ts";

function encodeText(changes: Partial<CompletionSpec> = {}, input: Partial<EncodeInput> = {}) {
  return encodeRequest({
    endpoint: exampleEndpoint("acme/one", { maxOutputTokens: 64_000 }),
    spec: exampleSpec(changes),
    stream: true,
    flavor: "compatible",
    ...input,
  });
}

function encode(changes: Partial<CompletionSpec> = {}, input: Partial<EncodeInput> = {}) {
  return JSON.parse(encodeText(changes, input));
}

const { sampling } = exampleSpec();
const reasoning = (changes: object) => ({
  reasoning: { effort: undefined, maxTokens: undefined, includeInResponse: true, ...changes },
});
const limited = (maxOutputTokens: number) => ({ sampling: { ...sampling, maxOutputTokens } });
const tool = { name: "f", description: "", parametersJsonSchema: "", strict: undefined };

describe("encodeRequest()", () => {
  it("sends what is required", () => {
    expect(encode()).toEqual({
      model: "one",
      max_tokens: 64_000,
      stream: true,
      messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
    });
  });

  it.each([
    ["the caller's limit", limited(7), {}, 7],
    ["ten minutes' worth for a whole answer", {}, { stream: false }, 21_333],
    [
      "more when the thinking takes more",
      reasoning({ maxTokens: 30_000 }),
      { stream: false },
      34_096,
    ],
    [
      "never more than the endpoint has",
      reasoning({ maxTokens: 63_000 }),
      { stream: false },
      64_000,
    ],
  ])("limits the answer to %s", (_, changes, input, maxTokens) => {
    expect(encode(changes, input).max_tokens).toBe(maxTokens);
  });

  it.each([
    ["a budget", reasoning({ maxTokens: 2_000 }), { type: "enabled", budget_tokens: 2_000 }],
    [
      "a budget over an effort",
      reasoning({ maxTokens: 2_000, effort: "low" }),
      { type: "enabled", budget_tokens: 2_000 },
    ],
    ["the smallest budget", reasoning({ maxTokens: 5 }), { type: "enabled", budget_tokens: 1_024 }],
    [
      "a budget that leaves room",
      { ...reasoning({ maxTokens: 9_000 }), ...limited(3_000) },
      { type: "enabled", budget_tokens: 2_999 },
    ],
    [
      "none without room",
      { ...reasoning({ maxTokens: 9_000 }), ...limited(1_000) },
      { type: "disabled" },
    ],
    ["none by effort", reasoning({ effort: "none" }), { type: "disabled" }],
    ["as much as it likes by effort", reasoning({ effort: "high" }), { type: "adaptive" }],
    ["as it does by default", reasoning({}), undefined],
  ])("lets the model think: %s", (_, changes, thinking) => {
    expect(encode(changes).thinking).toEqual(thinking);
  });

  it.each([
    ["minimal", "low"],
    ["low", "low"],
    ["xhigh", "xhigh"],
    ["max", "max"],
  ])("turns the effort %s into %s", (effort, encoded) => {
    expect(encode(reasoning({ effort })).output_config).toEqual({ effort: encoded });
  });

  it("sends no effort beside a budget and none for no thinking", () => {
    expect(encode(reasoning({ effort: "low", maxTokens: 2_000 })).output_config).toBeUndefined();
    expect(encode(reasoning({ effort: "none" })).output_config).toBeUndefined();
  });

  it("keeps schemas to the letter", () => {
    const schema = '{"type":"object","2":1,"1":1.0}';
    const body = encodeText({
      tools: [
        { ...tool, description: "d", parametersJsonSchema: schema, strict: true },
        { ...tool, name: "g" },
      ],
      responseFormat: { kind: "json-schema", name: "n", schemaJson: schema, strict: true },
      ...reasoning({ effort: "high" }),
    });
    expect(body).toContain(
      `"tools":[{"name":"f","description":"d","strict":true,"input_schema":${schema}},{"name":"g","input_schema":{"type":"object","properties":{}}}]`,
    );
    expect(body).toContain(
      `"output_config":{"effort":"high","format":{"type":"json_schema","schema":${schema}}}`,
    );
  });

  it("refuses a schema that is no object", () => {
    expect(() => encodeText({ tools: [{ ...tool, parametersJsonSchema: "[]" }] })).toThrow(
      UnencodableRequest,
    );
  });

  it.each([
    [{ kind: "auto" }, undefined, { type: "auto" }],
    [{ kind: "required" }, true, { type: "any", disable_parallel_tool_use: false }],
    [
      { kind: "function", name: "f" },
      false,
      { type: "tool", name: "f", disable_parallel_tool_use: true },
    ],
    [{ kind: "none" }, false, { type: "none" }],
    [undefined, false, { type: "auto", disable_parallel_tool_use: true }],
    [undefined, undefined, undefined],
  ] as const)(
    "encodes the choice %j with parallel calls %s",
    (toolChoice, parallelToolCalls, encoded) => {
      expect(encode({ tools: [tool], toolChoice, parallelToolCalls }).tool_choice).toEqual(encoded);
    },
  );
});
