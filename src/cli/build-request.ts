import { clone, create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type CompletionSpec,
  CompletionSpecSchema,
  type ContentPart,
  ContentPartSchema,
  MessageSchema,
  ReasoningConfigSchema,
  ResponseFormatSchema,
  Role,
  type SamplingParams,
  SamplingParamsSchema,
} from "../../gen/atlas/v1/completion_pb.ts";
import { type RoutingPolicy, RoutingPolicySchema } from "../../gen/atlas/v1/routing_pb.ts";
import { Modality } from "../../gen/atlas/v1/types_pb.ts";
import type { CallOptions } from "./call-options.ts";

/** An image as it is sent: the provider fetches a URL, data travels with the call. */
export type ImageInput =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "data"; readonly mimeType: string; readonly data: Uint8Array };

/** What a call says, every file read. */
export type CallInput = {
  readonly model: string;
  /** Absent: no message is added. */
  readonly text: string | undefined;
  readonly images: readonly ImageInput[];
  /** JSON Schema as text. */
  readonly schemaJson: string | undefined;
  /** Contents of the message file. What the command line says wins over it. */
  readonly base: CompletionSpec | undefined;
  readonly showReasoning: boolean;
};

/** The system text goes before the conversation of the message file, text and images after it. */
export function buildSpec(input: CallInput, options: CallOptions): CompletionSpec {
  const spec =
    input.base === undefined
      ? create(CompletionSpecSchema)
      : clone(CompletionSpecSchema, input.base);
  spec.model = input.model;
  if (options.system !== undefined) {
    spec.messages.unshift(
      create(MessageSchema, { role: Role.SYSTEM, parts: [textPart(options.system)] }),
    );
  }
  const parts = userParts(input);
  if (parts.length > 0) {
    spec.messages.push(create(MessageSchema, { role: Role.USER, parts }));
  }
  applySampling(spec, options);
  applyReasoning(spec, options, input.showReasoning);
  if (input.schemaJson !== undefined) {
    spec.responseFormat = create(ResponseFormatSchema, {
      format: { case: "jsonSchema", value: { schemaJson: input.schemaJson } },
    });
  }
  return spec;
}

/** Absent options stay absent, so that the server's defaults apply. */
export function buildPolicy(options: CallOptions): RoutingPolicy {
  const policy = create(RoutingPolicySchema, {
    fallbackModels: [...(options.fallbackModel ?? [])],
    onlyProviders: [...(options.only ?? [])],
    ignoreProviders: [...(options.ignore ?? [])],
    quantizations: [...(options.quantization ?? [])],
    regions: [...(options.region ?? [])],
    providerOrder: [...(options.order ?? [])],
    disableFallbacks: !options.fallbacks,
  });
  return Object.assign(
    policy,
    given({
      tier: options.tier,
      operation: options.operation,
      maxInputNanoUsdPerMtok: options.maxInputPrice,
      maxOutputNanoUsdPerMtok: options.maxOutputPrice,
      maxCostNanoUsd: options.maxCost,
      requireAllParameters: options.requireAllParameters,
      zeroDataRetention: options.zdr,
      preferredMaxFirstToken:
        options.maxFirstToken === undefined ? undefined : durationFromMs(options.maxFirstToken),
      preferredMinOutputTokensPerSecond: options.minThroughput,
      sessionAffinityKey: options.affinity,
      maxAttempts: options.maxAttempts,
      allowHedging: options.hedge,
      priority: options.priority,
    } satisfies Partial<Fields<RoutingPolicy>>),
  );
}

function userParts({ text, images }: CallInput): ContentPart[] {
  const parts = images.map(imagePart);
  return text === undefined ? parts : [...parts, textPart(text)];
}

function textPart(text: string): ContentPart {
  return create(ContentPartSchema, { part: { case: "text", value: text } });
}

function imagePart(image: ImageInput): ContentPart {
  const value =
    image.kind === "url"
      ? { modality: Modality.IMAGE, source: { case: "url" as const, value: image.url } }
      : { mimeType: image.mimeType, source: { case: "data" as const, value: image.data } };
  return create(ContentPartSchema, { part: { case: "media", value } });
}

function applySampling(spec: CompletionSpec, options: CallOptions): void {
  const sampling = given({
    temperature: options.temperature,
    topP: options.topP,
    topK: options.topK,
    maxOutputTokens: options.maxTokens,
    stop: options.stop === undefined ? undefined : [...options.stop],
    seed: options.seed,
    candidateCount: options.n,
  } satisfies Partial<Fields<SamplingParams>>);
  if (Object.keys(sampling).length > 0) {
    spec.sampling ??= create(SamplingParamsSchema);
    Object.assign(spec.sampling, sampling);
  }
}

function applyReasoning(spec: CompletionSpec, { reasoning }: CallOptions, show: boolean): void {
  if (reasoning === undefined && !show) {
    return;
  }
  spec.reasoning ??= create(ReasoningConfigSchema);
  spec.reasoning.effort = reasoning ?? spec.reasoning.effort;
  spec.reasoning.includeInResponse ||= show;
}

/** A message's fields, each also absent: what the command line does not say is not set. */
type Fields<T> = { [Name in keyof T]: T[Name] | undefined };

function given(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
