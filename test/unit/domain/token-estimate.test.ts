import { describe, expect, test } from "vitest";
import type { ContentPart, MediaPart } from "../../../src/domain/completion.ts";
import {
  countImages,
  estimateInputTokens,
  estimateOutputTokens,
  tokensOfBytes,
} from "../../../src/domain/token-estimate.ts";
import { exampleSpec } from "../../support/examples.ts";

const image: MediaPart = {
  kind: "media",
  modality: "image",
  mimeType: "image/png",
  source: { kind: "url", url: "https://example.com/a.png" },
  detail: "",
  filename: "",
};
const withParts = (...parts: readonly ContentPart[]) =>
  exampleSpec({ messages: [{ role: "user", name: "", parts }] });
const part = <T extends object>(value: T) => ({ ...value, cacheBreakpoint: false });

describe("estimateInputTokens()", () => {
  test("counts bytes, messages and the opening of the answer", () => {
    const text = part({ kind: "text" as const, text: "x".repeat(35) });
    expect(estimateInputTokens(withParts(text))).toBe(10 + 4 + 3);
  });

  test("guesses at media, whatever their size", () => {
    expect(estimateInputTokens(withParts(part(image)))).toBe(1_000 + 4 + 3);
  });

  test("counts bytes and not characters", () => {
    const text = part({ kind: "text" as const, text: "语".repeat(7) });
    expect(estimateInputTokens(withParts(text))).toBe(6 + 4 + 3);
    expect([tokensOfBytes(0), tokensOfBytes(21), tokensOfBytes(22)]).toEqual([0, 6, 7]);
  });

  test("counts everything that is sent: history, tools and the schema of the answer", () => {
    const history = withParts(
      part({
        kind: "reasoning" as const,
        text: "1234567",
        signature: new Uint8Array(),
        redacted: false,
      }),
      part({ kind: "refusal" as const, text: "1234567" }),
      part({ kind: "tool-call" as const, id: "x", name: "1234567", argumentsJson: "1234567" }),
      part({
        kind: "tool-result" as const,
        toolCallId: "x",
        parts: [{ kind: "text" as const, text: "1234567" }, image],
        isError: false,
      }),
    );
    expect(estimateInputTokens(history)).toBe(10 + 4 + 3 + 1_000);
    const tools = [
      {
        name: "1234567",
        description: "1234567",
        parametersJsonSchema: "1234567",
        strict: undefined,
      },
    ];
    const responseFormat = {
      kind: "json-schema" as const,
      name: "",
      schemaJson: "1234567",
      strict: undefined,
    };
    const empty = withParts(part({ kind: "text" as const, text: "" }));
    expect(estimateInputTokens({ ...empty, tools, responseFormat })).toBe(8 + 4 + 3);
  });
});

describe("estimateOutputTokens()", () => {
  test.each([
    {
      name: "a usual answer without a limit",
      maxOutputTokens: undefined,
      count: undefined,
      tokens: 256,
    },
    { name: "the limit when it is lower", maxOutputTokens: 10, count: undefined, tokens: 10 },
    { name: "every candidate", maxOutputTokens: 10, count: 3, tokens: 30 },
  ])("expects $name", ({ maxOutputTokens, count, tokens }) => {
    const { sampling } = exampleSpec();
    const spec = exampleSpec({ sampling: { ...sampling, maxOutputTokens, candidateCount: count } });
    expect(estimateOutputTokens(spec)).toBe(tokens);
  });

  test("adds the tokens the model may think with", () => {
    const reasoning = { effort: undefined, maxTokens: 1_000, includeInResponse: false };
    expect(estimateOutputTokens(exampleSpec({ reasoning }))).toBe(1_256);
  });
});

describe("countImages()", () => {
  test("counts images in messages and in tool results, and nothing else", () => {
    const audio: MediaPart = { ...image, modality: "audio" };
    const result = {
      kind: "tool-result" as const,
      toolCallId: "",
      parts: [image, audio],
      isError: false,
    };
    expect(countImages(withParts(part(image), part(audio), part(result)))).toBe(2);
  });
});
