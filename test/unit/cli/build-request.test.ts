import { create, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  CompletionSpecSchema,
  ReasoningConfig_Effort,
  Role,
} from "../../../gen/atlas/v1/completion_pb.ts";
import { Priority, RoutingPolicySchema } from "../../../gen/atlas/v1/routing_pb.ts";
import { Quantization, Tier } from "../../../gen/atlas/v1/types_pb.ts";
import { buildPolicy, buildSpec, type CallInput } from "../../../src/cli/build-request.ts";
import type { CallOptions } from "../../../src/cli/call-options.ts";

const nothing: CallInput = {
  model: "a/b",
  text: undefined,
  images: [],
  schemaJson: undefined,
  base: undefined,
  showReasoning: false,
};
const silent: CallOptions = { fallbacks: true };

const specJson = (input: Partial<CallInput>, options: Partial<CallOptions> = {}) =>
  toJson(CompletionSpecSchema, buildSpec({ ...nothing, ...input }, { ...silent, ...options }));

describe("buildSpec()", () => {
  it("sets nothing that was not asked for", () => {
    expect(specJson({ text: "Hello" })).toEqual({
      model: "a/b",
      messages: [{ role: "ROLE_USER", parts: [{ text: "Hello" }] }],
    });
  });

  it("has no message without a text, an image or a message file", () => {
    expect(specJson({})).toEqual({ model: "a/b" });
  });

  it("sends an empty text, which is not the same as none", () => {
    expect(specJson({ text: "" })).toEqual({
      model: "a/b",
      messages: [{ role: "ROLE_USER", parts: [{ text: "" }] }],
    });
  });

  it("puts images before the text, and instructions before both", () => {
    expect(
      specJson(
        {
          text: "What is this?",
          images: [
            { kind: "url", url: "https://example.com/a.png" },
            { kind: "data", mimeType: "image/png", data: new Uint8Array([1, 2]) },
          ],
        },
        { system: "Be brief." },
      ),
    ).toEqual({
      model: "a/b",
      messages: [
        { role: "ROLE_SYSTEM", parts: [{ text: "Be brief." }] },
        {
          role: "ROLE_USER",
          parts: [
            { media: { modality: "MODALITY_IMAGE", url: "https://example.com/a.png" } },
            { media: { mimeType: "image/png", data: "AQI=" } },
            { text: "What is this?" },
          ],
        },
      ],
    });
  });

  it("maps every option of sampling", () => {
    expect(
      specJson(
        { schemaJson: '{"type":"object"}' },
        {
          temperature: 0,
          topP: 0.5,
          topK: 40,
          maxTokens: 100,
          stop: ["END"],
          seed: -7n,
          n: 2,
          reasoning: ReasoningConfig_Effort.HIGH,
        },
      ),
    ).toEqual({
      model: "a/b",
      sampling: {
        temperature: 0,
        topP: 0.5,
        topK: 40,
        maxOutputTokens: 100,
        stop: ["END"],
        seed: "-7",
        candidateCount: 2,
      },
      reasoning: { effort: "EFFORT_HIGH" },
      responseFormat: { jsonSchema: { schemaJson: '{"type":"object"}' } },
    });
  });

  it("asks for the reasoning that is to be shown", () => {
    expect(specJson({ showReasoning: true })).toEqual({
      model: "a/b",
      reasoning: { includeInResponse: true },
    });
  });

  describe("with a message file", () => {
    const base = create(CompletionSpecSchema, {
      model: "from/file",
      messages: [{ role: Role.ASSISTANT, parts: [{ part: { case: "text", value: "Hi." } }] }],
      sampling: { temperature: 1, topK: 5 },
      reasoning: { effort: ReasoningConfig_Effort.LOW, includeInResponse: true },
    });

    it("continues its conversation, and what the command line says wins", () => {
      expect(specJson({ base, text: "Go on." }, { system: "Be brief.", temperature: 0.5 })).toEqual(
        {
          model: "a/b",
          messages: [
            { role: "ROLE_SYSTEM", parts: [{ text: "Be brief." }] },
            { role: "ROLE_ASSISTANT", parts: [{ text: "Hi." }] },
            { role: "ROLE_USER", parts: [{ text: "Go on." }] },
          ],
          sampling: { temperature: 0.5, topK: 5 },
          reasoning: { effort: "EFFORT_LOW", includeInResponse: true },
        },
      );
    });

    it("leaves the file's own message as it was", () => {
      buildSpec({ ...nothing, base, text: "Go on." }, { ...silent, topK: 9 });
      expect(base.messages).toHaveLength(1);
      expect(base.sampling?.topK).toBe(5);
    });
  });
});

describe("buildPolicy()", () => {
  const policyJson = (options: Partial<CallOptions>) =>
    toJson(RoutingPolicySchema, buildPolicy({ ...silent, ...options }));

  it("sets nothing that was not asked for", () => {
    expect(policyJson({})).toEqual({});
  });

  it("maps every option of routing", () => {
    expect(
      policyJson({
        tier: Tier.REALTIME,
        operation: "support.reply",
        only: ["azure"],
        ignore: ["groq"],
        order: ["openai", "azure"],
        quantization: [Quantization.BF16],
        region: ["eastus"],
        maxCost: 0n,
        maxInputPrice: 150_000_000n,
        maxOutputPrice: 600_000_000n,
        zdr: true,
        requireAllParameters: true,
        fallbacks: false,
        fallbackModel: ["c/d"],
        maxAttempts: 2,
        hedge: false,
        priority: Priority.SHEDDABLE,
        maxFirstToken: 800,
        minThroughput: 12.5,
        affinity: "session-1",
      }),
    ).toEqual({
      tier: "TIER_REALTIME",
      operation: "support.reply",
      fallbackModels: ["c/d"],
      onlyProviders: ["azure"],
      ignoreProviders: ["groq"],
      quantizations: ["QUANTIZATION_BF16"],
      regions: ["eastus"],
      maxInputNanoUsdPerMtok: "150000000",
      maxOutputNanoUsdPerMtok: "600000000",
      maxCostNanoUsd: "0",
      requireAllParameters: true,
      zeroDataRetention: true,
      disableFallbacks: true,
      providerOrder: ["openai", "azure"],
      preferredMaxFirstToken: "0.800s",
      preferredMinOutputTokensPerSecond: 12.5,
      sessionAffinityKey: "session-1",
      maxAttempts: 2,
      allowHedging: false,
      priority: "PRIORITY_SHEDDABLE",
    });
  });
});
