/**
 * The events of a Messages stream.
 * https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
import {
  anthropicStop,
  anthropicToolUse,
  anthropicUsage,
  messageHead,
  signatureOf,
} from "./anthropic-answer.ts";
import type { AnthropicRequest } from "./anthropic-validate-request.ts";
import { type Answer, type Completion, chunksOf, type Frame } from "./completion.ts";
import { lineEndOf } from "./dialect.ts";
import type { JsonObject } from "./json-value.ts";

type ServerEvent = { readonly type: string; readonly [field: string]: unknown };

/** A content block: how it opens, and the deltas that fill it. */
type Block = {
  readonly start: JsonObject;
  /** Tokens that come with the opening. */
  readonly startTokens?: number;
  readonly deltas: Iterable<{ readonly delta: JsonObject; readonly tokens: number }>;
};

export function* encodeAnthropicStream(
  request: AnthropicRequest,
  completion: Completion,
): Generator<Frame> {
  const { faults, profile, usage } = completion;
  const [answer] = completion.answers;
  const lineEnd = lineEndOf(profile);
  const event = (data: ServerEvent, tokens = 0): Frame => ({
    text: namedEvent(data, lineEnd),
    tokens,
  });
  // The first count is of what is out so far, which is next to nothing.
  const startUsage = anthropicUsage({ ...usage, completionTokens: 1 });
  const message = {
    ...messageHead(completion),
    ...(faults.omitUsage ? {} : { usage: startUsage }),
  };
  yield event({ type: "message_start", message });
  yield event({ type: "ping" });
  for (const [index, block] of blocksOf(answer, request, completion).entries()) {
    const { start, startTokens, deltas } = block;
    yield event({ type: "content_block_start", index, content_block: start }, startTokens);
    for (const { delta, tokens } of deltas) {
      yield event({ type: "content_block_delta", index, delta }, tokens);
    }
    yield event({ type: "content_block_stop", index });
  }
  yield event({
    type: "message_delta",
    delta: anthropicStop(answer),
    ...(faults.omitUsage ? {} : { usage: deltaUsage(completion) }),
  });
  if (!faults.missingDone) {
    yield event({ type: "message_stop" });
  }
}

/** An event named for the type of its data. */
export function namedEvent(data: ServerEvent, lineEnd: string): string {
  return `event: ${data.type}${lineEnd}data: ${JSON.stringify(data)}${lineEnd}${lineEnd}`;
}

/** Cumulative, and with the input counts repeated. */
function deltaUsage({ usage }: Completion): JsonObject {
  return {
    input_tokens: usage.promptTokens - usage.cachedTokens - usage.cacheWriteTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens: usage.completionTokens,
  };
}

function blocksOf(
  { reasoning, text, toolCalls }: Answer,
  { isRedacted }: AnthropicRequest,
  { profile: { tokensPerChunk } }: Completion,
): readonly Block[] {
  const blocks: Block[] = [];
  if (reasoning.length > 0) {
    blocks.push(isRedacted ? redactedBlock(reasoning) : thinkingBlock(reasoning, tokensPerChunk));
  }
  if (text.length > 0) {
    blocks.push({
      start: { type: "text", text: "" },
      deltas: deltasOf(text, tokensPerChunk, (part) => ({ type: "text_delta", text: part })),
    });
  }
  for (const call of toolCalls) {
    // An empty input sends no fragment at all and means {}.
    const fragments = call.argumentTokens.join("") === "{}" ? [] : call.argumentTokens;
    blocks.push({
      start: anthropicToolUse(call, {}),
      deltas: deltasOf(fragments, tokensPerChunk, (part) => ({
        type: "input_json_delta",
        partial_json: part,
      })),
    });
  }
  return blocks;
}

/** The whole thought at once, encrypted; no deltas. */
function redactedBlock(reasoning: readonly string[]): Block {
  const start = { type: "redacted_thinking", data: signatureOf(reasoning) };
  return { start, startTokens: reasoning.length, deltas: [] };
}

function thinkingBlock(reasoning: readonly string[], tokensPerChunk: number): Block {
  function* deltas() {
    yield* deltasOf(reasoning, tokensPerChunk, (part) => ({
      type: "thinking_delta",
      thinking: part,
    }));
    yield { delta: { type: "signature_delta", signature: signatureOf(reasoning) }, tokens: 0 };
  }
  return { start: { type: "thinking", thinking: "", signature: "" }, deltas: deltas() };
}

function* deltasOf(
  tokens: readonly string[],
  tokensPerChunk: number,
  deltaOf: (part: string) => JsonObject,
): Generator<{ readonly delta: JsonObject; readonly tokens: number }> {
  for (const chunk of chunksOf(tokens, tokensPerChunk)) {
    yield { delta: deltaOf(chunk.text), tokens: chunk.tokens.length };
  }
}
