import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  ChoiceSchema,
  CompleteResponseSchema,
  FinishReason,
} from "../../../gen/atlas/v1/completion_pb.ts";
import { AttemptSchema, FailureKind, UsageSource } from "../../../gen/atlas/v1/types_pb.ts";
import {
  formatChoice,
  formatFailure,
  formatReasoning,
  formatSummary,
  formatToolCall,
} from "../../../src/cli/format-answer.ts";

describe("formatSummary()", () => {
  it("says where, how often, how much, how fast, and how it ended", () => {
    const response = create(CompleteResponseSchema, {
      endpoint: "openai/gpt-4o-mini",
      attempts: [{ number: 1 }, { number: 2 }],
      usage: {
        freshInputTokens: 12n,
        visibleOutputTokens: 34n,
        source: UsageSource.PROVIDER,
      },
      cost: { totalNanoUsd: 22_200n },
      timings: {
        upstreamFirstToken: durationFromMs(716),
        total: durationFromMs(2_130),
        outputTokensPerSecond: 28.4,
      },
    });
    expect(
      formatSummary({ ...response, finishReasons: [FinishReason.STOP, FinishReason.LENGTH] }),
    ).toBe(
      "openai/gpt-4o-mini · 2 attempts · 12 in + 34 out tokens · cost $0.0000222 · " +
        "first token 716 ms · total 2.13 s · 28 tok/s · ended by length",
    );
  });

  it("says once how several answers ended", () => {
    const finishReasons = [FinishReason.LENGTH, FinishReason.LENGTH];
    expect(formatSummary({ endpoint: "a", attempts: [], finishReasons })).toBe(
      "a · 0 attempts · ended by length",
    );
  });

  it("leaves out what is not known", () => {
    expect(formatSummary({ endpoint: "a", attempts: [], finishReasons: [] })).toBe(
      "a · 0 attempts",
    );
  });
});

describe("formatFailure()", () => {
  it("names the kind, the status and what may be shown of the message", () => {
    const attempt = create(AttemptSchema, {
      endpoint: "azure/eastus/gpt-4o-mini",
      failure: FailureKind.RATE_LIMITED,
      httpStatus: 429,
      errorMessage: "slow down",
    });
    expect(formatFailure(attempt)).toBe(
      "azure/eastus/gpt-4o-mini failed: rate-limited 429 (slow down)",
    );
  });

  it("does without a status and a message", () => {
    const attempt = create(AttemptSchema, { endpoint: "a", failure: FailureKind.CONNECT_TIMEOUT });
    expect(formatFailure(attempt)).toBe("a failed: connect-timeout");
  });
});

describe("formatChoice()", () => {
  const choice = create(ChoiceSchema, {
    message: {
      parts: [
        { part: { case: "reasoning", value: { text: "Hm." } } },
        { part: { case: "text", value: "It rains." } },
        { part: { case: "refusal", value: "No." } },
        { part: { case: "toolCall", value: { name: "weather", argumentsJson: '{"at":"Bonn"}' } } },
        { part: { case: "media", value: { mimeType: "image/png" } } },
        { part: { case: "toolResult", value: { toolCallId: "1" } } },
        {},
      ],
    },
  });

  it("shows what the model says in reading order, without its reasoning", () => {
    expect(formatChoice(choice)).toBe(
      'It rains.\nNo.\ntool call weather {"at":"Bonn"}\n[image/png]',
    );
  });

  it("gives the reasoning apart", () => {
    expect(formatReasoning(choice)).toBe("Hm.");
  });

  it("is empty for a choice without a message", () => {
    const empty = create(ChoiceSchema);
    expect([formatChoice(empty), formatReasoning(empty)]).toEqual(["", ""]);
  });
});

describe("formatToolCall()", () => {
  it("shows a call without arguments with an empty object", () => {
    expect(formatToolCall("now", "")).toBe("tool call now {}");
  });
});
