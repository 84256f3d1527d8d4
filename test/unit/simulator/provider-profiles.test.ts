import { describe, expect, test } from "vitest";
import { parseProfile } from "../../../src/simulator/parse-profile.ts";
import { defaultProfile } from "../../../src/simulator/profile.ts";
import { providerProfile } from "../../../src/simulator/provider-profiles.ts";

describe("providerProfile()", () => {
  test("runs gpt-4o-mini at the figures of its page", () => {
    expect(providerProfile("azure/eastus/gpt-4o-mini", "azure")).toMatchObject({
      firstTokenMs: { p50: 2_568, p95: 8_421 },
      tokensPerSecond: { p50: 8, p95: 16 },
    });
    expect(providerProfile("openai/gpt-4o-mini", "openai")).toMatchObject({
      firstTokenMs: { p50: 716, p95: 4_091 },
      tokensPerSecond: { p50: 28, p95: 67 },
    });
  });

  test("keeps the habits of a provider for its other models", () => {
    const { quirks } = providerProfile("groq/llama-4-scout", "groq");
    expect(quirks).toEqual({ groqUsage: true, reasoningField: "reasoning" });
  });

  test("changes nothing for a provider it does not know", () => {
    expect(providerProfile("vllm-eu/x", "vllm-eu")).toEqual({});
  });

  test.each([
    "openai",
    "azure",
    "anthropic",
    "groq",
    "deepinfra",
    "novita",
    "together",
    "deepseek",
  ])("is a valid profile for %s", (provider) => {
    const parsed = parseProfile(defaultProfile, providerProfile(`${provider}/any`, provider));
    expect(parsed.kind).toBe("valid");
  });
});
