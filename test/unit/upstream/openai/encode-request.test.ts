import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CompletionSpec } from "../../../../src/domain/completion.ts";
import type { EncodeInput } from "../../../../src/upstream/dialect-adapter.ts";
import { encodeRequest } from "../../../../src/upstream/openai/encode-request.ts";
import { UnencodableRequest } from "../../../../src/upstream/unencodable-request.ts";
import { exampleEndpoint, exampleSpec } from "../../../support/examples.ts";

function encodeText(
  changes: Partial<CompletionSpec> = {},
  input: Partial<EncodeInput> = {},
): string {
  return encodeRequest({
    endpoint: exampleEndpoint("acme/one"),
    spec: exampleSpec(changes),
    stream: false,
    flavor: "compatible",
    ...input,
  });
}

function encode(changes: Partial<CompletionSpec> = {}, input: Partial<EncodeInput> = {}) {
  return JSON.parse(encodeText(changes, input));
}

const { sampling } = exampleSpec();
const tool = { name: "f", description: "does f", parametersJsonSchema: "", strict: undefined };

describe("encodeRequest()", () => {
  it("names the model as the provider does and sends nothing that was not asked for", () => {
    expect(encode()).toEqual({ model: "one", messages: [{ role: "user", content: "hi" }] });
  });

  it("always asks for usage in a stream", () => {
    expect(encode({}, { stream: true })).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it.each([
    ["openai", "max_completion_tokens"],
    ["compatible", "max_tokens"],
  ] as const)("limits the tokens of %s servers by %s", (flavor, name) => {
    const limited = { sampling: { ...sampling, maxOutputTokens: 7 } };
    expect(encode(limited, { flavor })).toMatchObject({ [name]: 7 });
  });

  it("writes any seed exactly", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (seed) => {
        expect(encodeText({ sampling: { ...sampling, seed } })).toContain(`"seed":${seed}}`);
      }),
      { seed: 4 },
    );
  });

  it("asks for the chosen token alone with no alternatives", () => {
    const body = encode({ sampling: { ...sampling, topLogprobs: 0 } });
    expect([body.logprobs, body.top_logprobs]).toEqual([true, undefined]);
  });

  it("asks for alternatives", () => {
    expect(encode({ sampling: { ...sampling, topLogprobs: 3 } })).toMatchObject({
      logprobs: true,
      top_logprobs: 3,
    });
  });

  it("keeps schemas to the letter", () => {
    const schema = '{"type":"object","2":1,"1":{"const":12345678901234567890,"default":1.0}}';
    const body = encodeText({
      tools: [{ ...tool, parametersJsonSchema: schema, strict: true }],
      responseFormat: { kind: "json-schema", name: "", schemaJson: schema, strict: false },
    });
    expect(body).toContain(
      `"tools":[{"type":"function","function":{"name":"f","description":"does f","strict":true,"parameters":${schema}}}]`,
    );
    expect(body).toContain(
      `"response_format":{"type":"json_schema","json_schema":{"name":"response","strict":false,"schema":${schema}}}`,
    );
  });

  it.each(["{", "[]", "3", '{}],"model":"x","tools":[{}', ""])(
    "does not let the schema %j write outside of its place",
    (schemaJson) => {
      expect(() =>
        encodeText({
          responseFormat: { kind: "json-schema", name: "n", schemaJson, strict: undefined },
        }),
      ).toThrow(UnencodableRequest);
    },
  );

  it.each([
    [{ kind: "auto" }, "auto"],
    [{ kind: "none" }, "none"],
    [{ kind: "required" }, "required"],
    [
      { kind: "function", name: "f" },
      { type: "function", function: { name: "f" } },
    ],
  ] as const)("encodes the tool choice %j", (toolChoice, encoded) => {
    expect(encode({ tools: [tool], toolChoice }).tool_choice).toEqual(encoded);
  });

  it("sends no choice among tools without tools", () => {
    const body = encode({ toolChoice: { kind: "none" }, parallelToolCalls: false });
    expect(Object.keys(body)).toEqual(["model", "messages"]);
  });

  it("sends JSON mode and the effort", () => {
    expect(
      encode({
        responseFormat: { kind: "json-object" },
        reasoning: { effort: "minimal", maxTokens: undefined, includeInResponse: true },
      }),
    ).toMatchObject({ response_format: { type: "json_object" }, reasoning_effort: "minimal" });
  });
});
