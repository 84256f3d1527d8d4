import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ContentPart, MediaPart } from "../../../src/domain/completion.ts";
import { costOf } from "../../../src/domain/money.ts";
import { estimatedTotal } from "../../../src/plan/demand.ts";
import { exampleSpec } from "../../support/examples.ts";
import { demand, pricing } from "./plan-fixture.ts";

function media(modality: MediaPart["modality"]): MediaPart {
  return {
    kind: "media",
    modality,
    mimeType: "",
    source: { kind: "url", url: "https://example.invalid" },
    detail: "",
    filename: "",
  };
}

function specOf(...parts: readonly ContentPart[]) {
  return exampleSpec({ messages: [{ role: "user", name: "", parts }] });
}

describe("demandOf()", () => {
  test("names the parameters in use and those among them that are essential", () => {
    const spec = exampleSpec({
      tools: [{ name: "f", description: "", parametersJsonSchema: "", strict: undefined }],
      sampling: { ...exampleSpec().sampling, topK: 3 },
    });
    expect(demand({ spec })).toMatchObject({
      parameters: ["top_k", "tools"],
      essential: ["tools"],
    });
  });

  test("lists each medium once, those in results of tools included", () => {
    const spec = specOf(
      { ...media("image"), cacheBreakpoint: false },
      { ...media("image"), cacheBreakpoint: false },
      {
        kind: "tool-result",
        toolCallId: "1",
        parts: [media("audio"), { kind: "text", text: "x" }],
        isError: false,
        cacheBreakpoint: false,
      },
    );
    expect(demand({ spec }).media).toEqual(["image", "audio"]);
    expect(demand({ spec }).images).toBe(2);
  });

  test("estimates the size of the call in the words of costOf", () => {
    const spec = exampleSpec({ sampling: { ...exampleSpec().sampling, maxOutputTokens: 10 } });
    const { usage, inputTokens, outputTokens, maxOutputTokens } = demand({ spec });
    expect({ inputTokens, outputTokens, maxOutputTokens }).toEqual({
      inputTokens: 8,
      outputTokens: 10,
      maxOutputTokens: 10,
    });
    expect(usage).toEqual({
      freshInput: 8,
      cacheRead: 0,
      cacheWrite: 0,
      visibleOutput: 10,
      reasoningOutput: 0,
      source: "estimated",
    });
  });
});

describe("estimatedTotal()", () => {
  const price = fc.option(fc.nat(2_000_000_000), { nil: undefined });
  const prices = fc.record({
    inputPerMtok: price,
    outputPerMtok: price,
    reasoningPerMtok: price,
    cacheReadPerMtok: price,
    perRequest: price,
    perImage: price,
    tiers: fc.constantFrom(
      [],
      [
        {
          minInputTokens: 100,
          inputPerMtok: 7_000_000,
          outputPerMtok: 9_000_000,
          cacheReadPerMtok: undefined,
          cacheWritePerMtok: undefined,
        },
      ],
    ),
  });

  test("is the total of the estimated cost", () => {
    fc.assert(
      fc.property(prices, fc.constantFrom(0, 400), fc.nat(3), (changes, letters, count) => {
        const images = Array.from({ length: count }, () => media("image"));
        const text = { kind: "text", text: "x".repeat(letters) } as const;
        const parts = [text, ...images].map((part) => ({ ...part, cacheBreakpoint: false }));
        const call = demand({ spec: specOf(...parts) });
        const charged = pricing(1, 1, changes);
        expect(estimatedTotal(call, charged)).toBe(costOf(call.usage, charged, call.images).total);
      }),
      { seed: 20_261_122 },
    );
  });
});
