import type { AnthropicRequest } from "./anthropic-validate-request.ts";
import type { Answer, Completion, Finish, ToolCall, Usage } from "./completion.ts";
import type { JsonObject } from "./json-value.ts";
import { createRandom, drawId, hashText } from "./random.ts";

/** The body of a unary answer. */
export function anthropicAnswer(request: AnthropicRequest, completion: Completion): JsonObject {
  const [answer] = completion.answers;
  return {
    ...messageHead(completion),
    content: contentOf(answer, { request, completion }),
    ...anthropicStop(answer),
    ...(completion.faults.omitUsage ? {} : { usage: anthropicUsage(completion.usage) }),
  };
}

/** What a message has before its content is known. */
export function messageHead({ id, model }: Completion): JsonObject {
  return {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
}

/** `input_tokens` excludes what was read from or written to the cache. */
export function anthropicUsage(usage: Usage): JsonObject {
  const { promptTokens, cachedTokens, cacheWriteTokens } = usage;
  return {
    input_tokens: promptTokens - cachedTokens - cacheWriteTokens,
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cachedTokens,
    cache_creation: { ephemeral_5m_input_tokens: cacheWriteTokens, ephemeral_1h_input_tokens: 0 },
    output_tokens: usage.completionTokens,
    service_tier: "standard",
  };
}

const stopReasons = {
  stop: "end_turn",
  length: "max_tokens",
  "tool-calls": "tool_use",
  "content-filter": "refusal",
} as const satisfies Record<Finish, string>;

export function anthropicStop({ finish, stopSequence }: Answer): JsonObject {
  return stopSequence === undefined
    ? { stop_reason: stopReasons[finish], stop_sequence: null }
    : { stop_reason: "stop_sequence", stop_sequence: stopSequence };
}

export function anthropicToolUse({ id, name }: ToolCall, input: unknown): JsonObject {
  return { type: "tool_use", id: `toolu_${id}`, name, input };
}

/** Stands for the encrypted thought that Anthropic sends; opaque to clients, as theirs is. */
export function signatureOf(thinking: readonly string[]): string {
  const random = createRandom(hashText(thinking.join("")));
  return Buffer.from(drawId(random, 48)).toString("base64");
}

function contentOf(
  { reasoning, text, toolCalls }: Answer,
  { request }: { readonly request: AnthropicRequest; readonly completion: Completion },
): readonly JsonObject[] {
  const signature = signatureOf(reasoning);
  const thinking = request.isRedacted
    ? { type: "redacted_thinking", data: signature }
    : { type: "thinking", thinking: reasoning.join(""), signature };
  return [
    ...(reasoning.length > 0 ? [thinking] : []),
    ...(text.length > 0 ? [{ type: "text", text: text.join(""), citations: null }] : []),
    ...toolCalls.map((call) => anthropicToolUse(call, parseInput(call))),
  ];
}

/** Arguments that `max_tokens` cut do not parse; the real API then shows what it had so far. */
function parseInput({ argumentTokens }: ToolCall): unknown {
  try {
    return JSON.parse(argumentTokens.join("") || "{}");
  } catch {
    return {};
  }
}
