import type { Answer, Completion, Finish, ToolCall, Usage } from "./completion.ts";
import type { JsonObject } from "./json-value.ts";
import { filterResults } from "./openai-errors.ts";
import { openaiLogprobs } from "./openai-logprobs.ts";
import type { OpenaiRequest } from "./openai-validate-request.ts";
import type { Profile } from "./profile.ts";

/** The body of a unary answer. */
export function openaiAnswer(request: OpenaiRequest, completion: Completion): JsonObject {
  const { answers, usage, faults, profile } = completion;
  return {
    id: openaiId(completion),
    object: "chat.completion",
    created: completion.createdSeconds,
    model: completion.model,
    choices: answers.map((answer, index) => choiceOf(answer, index, { request, completion })),
    ...(profile.quirks.promptFilterChunk ? promptFilterResults : {}),
    ...(faults.omitUsage ? {} : { usage: openaiUsage(usage) }),
    ...(profile.quirks.groqUsage ? { x_groq: { id: openaiId(completion) } } : {}),
    service_tier: request.serviceTier,
    system_fingerprint: "fp_simulated",
  };
}

export const promptFilterResults: JsonObject = {
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: filterResults }],
};

export function openaiId({ id }: Completion): string {
  return `chatcmpl-${id}`;
}

export function openaiUsage(usage: Usage): JsonObject {
  const { promptTokens, completionTokens, imageTokens, audioTokens } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedTokens,
      audio_tokens: audioTokens,
      ...(imageTokens > 0 ? { image_tokens: imageTokens } : {}),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

const finishWords = {
  stop: "stop",
  length: "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
} as const satisfies Record<Finish, string>;

export function openaiFinish({ finish }: Answer): string {
  return finishWords[finish];
}

/** `{ [field]: text }` where the profile shows reasoning, else nothing. */
export function reasoningOf(text: string, { quirks }: Profile): JsonObject {
  return quirks.reasoningField === "none" || text === "" ? {} : { [quirks.reasoningField]: text };
}

/** A whole call, or its first fragment when `payload` is empty. */
export function openaiToolCall({ id, name, isFreeText }: ToolCall, payload: string): JsonObject {
  return isFreeText
    ? { id: `call_${id}`, type: "custom", custom: { name, input: payload } }
    : { id: `call_${id}`, type: "function", function: { name, arguments: payload } };
}

function choiceOf(
  answer: Answer,
  index: number,
  { request, completion }: { readonly request: OpenaiRequest; readonly completion: Completion },
): JsonObject {
  const { reasoning, text, toolCalls } = answer;
  const { profile, seed } = completion;
  const calls = toolCalls.map((call) => openaiToolCall(call, call.argumentTokens.join("")));
  return {
    index,
    message: {
      role: "assistant",
      content: calls.length > 0 ? null : text.join(""),
      ...reasoningOf(reasoning.join(""), profile),
      refusal: null,
      annotations: [],
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    },
    logprobs:
      request.topLogprobs === undefined ? null : openaiLogprobs(text, request.topLogprobs, seed),
    finish_reason: openaiFinish(answer),
    ...(profile.quirks.contentFilterChunks ? { content_filter_results: filterResults } : {}),
  };
}
