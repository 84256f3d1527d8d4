import { describe, expect, test } from "vitest";
import { parametersOfEndpoint } from "../../../src/catalog/endpoint-parameters.ts";
import type { Dialect } from "../../../src/domain/endpoint.ts";
import { dialectParameters } from "../../../src/domain/parameters.ts";
import { least, mergedOf } from "./catalog-fixtures.ts";

const able = { supportsTools: true, supportsStructuredOutput: true, supportsReasoning: true };

type Changes = {
  readonly dialect?: Dialect;
  readonly provider?: object;
  readonly model?: object;
  readonly endpoint?: object;
};

function parametersWith({ dialect = "openai-chat", ...changes }: Changes): readonly string[] {
  const merged = mergedOf({
    providers: { acme: { dialect, ...changes.provider } },
    models: { "acme/one": { ...least.models["acme/one"], ...able, ...changes.model } },
    endpoints: { "acme/one": { ...least.endpoints["acme/one"], ...changes.endpoint } },
  });
  const provider = merged.providers.get("acme");
  const model = merged.models.get("acme/one");
  const endpoint = merged.endpoints.get("acme/one");
  if (provider === undefined || model === undefined || endpoint === undefined) {
    throw new Error("the catalogue is complete");
  }
  return [...parametersOfEndpoint({ dialect, provider, model, endpoint })];
}

describe("parametersOfEndpoint()", () => {
  test.each(["openai-chat", "anthropic-messages"] as const)(
    "is all that %s can carry unless something is declared",
    (dialect) => {
      expect(parametersWith({ dialect })).toEqual([...dialectParameters[dialect]]);
    },
  );

  test("takes the endpoint's declaration before its provider's", () => {
    const provider = { parameters: ["temperature", "stop"] };
    expect(parametersWith({ provider })).toEqual(["temperature", "stop"]);
    expect(parametersWith({ provider, endpoint: { parameters: ["top_p"] } })).toEqual(["top_p"]);
  });

  test("never holds what the wire format cannot carry", () => {
    const endpoint = { parameters: ["seed", "top_p"] };
    expect(parametersWith({ dialect: "anthropic-messages", endpoint })).toEqual(["top_p"]);
  });

  test.each(["provider", "model", "endpoint"] as const)(
    "leaves out what its %s rules out",
    (who) => {
      const with_ = parametersWith({ [who]: { unsupportedParameters: ["seed"] } });
      expect(with_).not.toContain("seed");
      expect(with_).toContain("top_p");
    },
  );

  test.each([
    { able: "supportsTools", lost: ["tools", "tool_choice"] },
    { able: "supportsStructuredOutput", lost: ["response_format_json_schema"] },
    { able: "supportsReasoning", lost: ["reasoning_effort"] },
  ])("leaves out $lost where the model is not able to", ({ able, lost }) => {
    expect(parametersWith({})).toEqual(expect.arrayContaining(lost));
    const names = parametersWith({ model: { [able]: false } });
    expect(names.filter((name) => lost.includes(name))).toEqual([]);
  });
});
