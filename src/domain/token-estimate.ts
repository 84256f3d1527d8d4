import type { CompletionSpec, ContentPart } from "./completion.ts";

/**
 * Tokens of a prompt before any provider has counted it.
 *
 * Real tokenizers block the event loop for seconds on hostile input, so this counts UTF-8 bytes: 3.5
 * bytes a token is close for English and errs on the large side for Chinese, the safe one where the
 * context window is concerned.
 */
const BYTES_PER_TOKEN = 3.5;
/** Chat templates wrap every message in about this many tokens. */
const TOKENS_PER_MESSAGE = 4;
/** The template's opening of the answer. */
const TOKENS_PER_CALL = 3;
/** A flat guess: providers count images by size and detail, between 85 and some 1,600 tokens. */
const TOKENS_PER_MEDIA = 1_000;
/** Answers without a stated limit: the Azure LLM inference trace 2023 has a mean of 211, p95 of 451. */
const DEFAULT_OUTPUT_TOKENS = 256;

/** Whole tokens, at least 1. */
export function estimateInputTokens(spec: CompletionSpec): number {
  let bytes = 0;
  let extra = TOKENS_PER_CALL;
  for (const { parts, name } of spec.messages) {
    extra += TOKENS_PER_MESSAGE;
    bytes += name.length;
    for (const part of parts) {
      bytes += textBytesOf(part);
      extra += mediaOf(part) * TOKENS_PER_MEDIA;
    }
  }
  for (const { name, description, parametersJsonSchema } of spec.tools) {
    bytes += name.length + utf8Length(description) + utf8Length(parametersJsonSchema);
  }
  if (spec.responseFormat.kind === "json-schema") {
    bytes += utf8Length(spec.responseFormat.schemaJson);
  }
  return tokensOfBytes(bytes) + extra;
}

/** What an answer is likely to need, for every candidate together. */
export function estimateOutputTokens({ sampling, reasoning }: CompletionSpec): number {
  const one = Math.min(sampling.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS, DEFAULT_OUTPUT_TOKENS);
  const thinking = Math.min(reasoning?.maxTokens ?? 0, sampling.maxOutputTokens ?? Infinity);
  return (one + thinking) * (sampling.candidateCount ?? 1);
}

/** Tokens of so many UTF-8 bytes of text that no provider counted. */
export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/** Images in the prompt, tool results included. */
export function countImages(spec: CompletionSpec): number {
  let images = 0;
  for (const { parts } of spec.messages) {
    for (const part of parts) {
      images += imagesOf(part);
    }
  }
  return images;
}

function textBytesOf(part: ContentPart): number {
  switch (part.kind) {
    case "text":
    case "refusal":
    case "reasoning":
      return utf8Length(part.text);
    case "tool-call":
      return part.name.length + utf8Length(part.argumentsJson);
    case "tool-result":
      return part.parts.reduce(
        (sum, inner) => sum + (inner.kind === "text" ? utf8Length(inner.text) : 0),
        0,
      );
    case "media":
      return 0;
  }
}

function mediaOf(part: ContentPart): number {
  if (part.kind === "media") {
    return 1;
  }
  return part.kind === "tool-result" ? part.parts.filter(({ kind }) => kind === "media").length : 0;
}

function imagesOf(part: ContentPart): number {
  const isImage = (inner: { readonly kind: string; readonly modality?: string }) =>
    inner.kind === "media" && inner.modality === "image";
  if (part.kind === "tool-result") {
    return part.parts.filter(isImage).length;
  }
  return isImage(part) ? 1 : 0;
}

function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}
