import { expect, test } from "vitest";
import { providerNameOf } from "../../../src/trace/provider-name.ts";

test.each([
  ["openai", "openai"],
  ["azure", "azure.ai.openai"],
  ["mistral", "mistral_ai"],
  ["together", "together_ai"],
  ["vllm-eu-1", "vllm_eu_1"],
])("%s is %s in the conventions", (id, name) => {
  expect(providerNameOf(id)).toBe(name);
});
