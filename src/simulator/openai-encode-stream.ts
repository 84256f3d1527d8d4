/**
 * The chunks of a chat.completions stream.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
import { type Answer, type Completion, chunksOf, type Frame, type ToolCall } from "./completion.ts";
import { lineEndOf } from "./dialect.ts";
import type { JsonObject } from "./json-value.ts";
import {
  openaiFinish,
  openaiId,
  openaiToolCall,
  openaiUsage,
  promptFilterResults,
  reasoningOf,
} from "./openai-answer.ts";
import { filterResults } from "./openai-errors.ts";
import { openaiLogprobs } from "./openai-logprobs.ts";
import type { OpenaiRequest } from "./openai-validate-request.ts";

type Chunk = (choices: readonly JsonObject[], tokens: number, beside?: JsonObject) => Frame;

type Writer = {
  readonly request: OpenaiRequest;
  readonly completion: Completion;
  readonly chunk: Chunk;
};

type Piece = {
  readonly delta: JsonObject;
  readonly tokens: number;
  readonly logprobs?: JsonObject;
};

export function* encodeOpenaiStream(
  request: OpenaiRequest,
  completion: Completion,
): Generator<Frame> {
  const { answers, faults, profile } = completion;
  const { quirks } = profile;
  const writer = { request, completion, chunk: createChunk(request, completion) };
  const { chunk } = writer;
  if (quirks.promptFilterChunk) {
    yield chunk([], 0, promptFilterResults);
  }
  for (const index of answers.keys()) {
    const delta = { role: "assistant", content: "", refusal: null };
    const groq = quirks.groqUsage ? { x_groq: { id: openaiId(completion) } } : undefined;
    yield chunk([choiceOf(index, delta)], 0, groq);
  }
  yield* interleave(answers.map((answer, index) => contentOf(answer, index, writer)));
  yield* endsOf(writer);
  if (request.includeUsage && !faults.omitUsage && !quirks.usageOnLastContent) {
    yield chunk([], 0, { usage: openaiUsage(completion.usage) });
  }
  if (!faults.missingDone) {
    yield { text: dataEvent("[DONE]", lineEndOf(profile)), tokens: 0 };
  }
}

export function dataEvent(data: string, lineEnd: string): string {
  return `data: ${data}${lineEnd}${lineEnd}`;
}

function createChunk(request: OpenaiRequest, completion: Completion): Chunk {
  const { usage, profile, faults } = completion;
  const lineEnd = lineEndOf(profile);
  // The same in every chunk, so it is serialized once: it is more than half of the work.
  const head = JSON.stringify({
    id: openaiId(completion),
    object: "chat.completion.chunk",
    created: completion.createdSeconds,
    model: completion.model,
    service_tier: request.serviceTier,
    system_fingerprint: "fp_simulated",
  }).slice(0, -1);
  const reportsUsage = request.includeUsage && !faults.omitUsage;
  let sent = 0;
  return (choices, tokens, beside) => {
    sent += tokens;
    const soFar = request.continuousUsage
      ? openaiUsage({ ...usage, completionTokens: sent, reasoningTokens: 0 })
      : null;
    const rest = reportsUsage ? { choices, usage: soFar, ...beside } : { choices, ...beside };
    return { text: dataEvent(`${head},${JSON.stringify(rest).slice(1)}`, lineEnd), tokens };
  };
}

function choiceOf(index: number, delta: JsonObject, logprobs?: JsonObject): JsonObject {
  return { index, delta, logprobs: logprobs ?? null, finish_reason: null };
}

function* contentOf(answer: Answer, index: number, writer: Writer): Generator<Frame> {
  const { reasoningField } = writer.completion.profile.quirks;
  const hidden = reasoningField === "none" ? answer.reasoning.length : 0;
  if (hidden > 0) {
    // Thought takes its time and sends nothing.
    yield { text: "", tokens: hidden };
  }
  const shown = hidden > 0 ? { ...answer, reasoning: [] } : answer;
  for (const { delta, tokens, logprobs } of piecesOf(shown, writer)) {
    yield writer.chunk([choiceOf(index, delta, logprobs)], tokens);
  }
}

function* piecesOf(answer: Answer, { request, completion }: Writer): Generator<Piece> {
  const { profile, seed } = completion;
  const { topLogprobs } = request;
  for (const { text, tokens } of chunksOf(answer.reasoning, profile.tokensPerChunk)) {
    yield { delta: reasoningOf(text, profile), tokens: tokens.length };
  }
  for (const { text, tokens } of chunksOf(answer.text, profile.tokensPerChunk)) {
    yield {
      delta: { content: text },
      tokens: tokens.length,
      ...(topLogprobs === undefined ? {} : { logprobs: openaiLogprobs(tokens, topLogprobs, seed) }),
    };
  }
  for (const [position, call] of answer.toolCalls.entries()) {
    const index = profile.quirks.toolCallsAtIndexZero ? 0 : position;
    yield* callPieces(call, index, profile.tokensPerChunk);
  }
}

/** Id and name come once, in the first fragment. */
function* callPieces(call: ToolCall, index: number, tokensPerChunk: number): Generator<Piece> {
  yield { delta: { tool_calls: [{ index, ...openaiToolCall(call, "") }] }, tokens: 0 };
  for (const { text, tokens } of chunksOf(call.argumentTokens, tokensPerChunk)) {
    const fragment = call.isFreeText
      ? { custom: { input: text } }
      : { function: { arguments: text } };
    yield { delta: { tool_calls: [{ index, ...fragment }] }, tokens: tokens.length };
  }
}

function* endsOf({ completion, chunk }: Writer): Generator<Frame> {
  const { answers, faults, profile, usage } = completion;
  const { quirks } = profile;
  if (quirks.contentFilterChunks) {
    for (const index of answers.keys()) {
      const offsets = { check_offset: 0, start_offset: 0, end_offset: 0 };
      const filtered = { content_filter_results: filterResults, content_filter_offsets: offsets };
      yield chunk([{ index, finish_reason: null, logprobs: null, ...filtered }], 0);
    }
  }
  for (const [index, answer] of answers.entries()) {
    const isLast = index === answers.length - 1 && !faults.omitUsage;
    const final = openaiUsage(usage);
    yield chunk([{ index, delta: {}, logprobs: null, finish_reason: openaiFinish(answer) }], 0, {
      ...(isLast && quirks.usageOnLastContent ? { usage: final } : {}),
      ...(isLast && quirks.groqUsage ? { x_groq: { id: openaiId(completion), usage: final } } : {}),
    });
  }
}

/** One frame of each choice in turn. */
function* interleave(sources: readonly Generator<Frame>[]): Generator<Frame> {
  let open = sources;
  while (open.length > 0) {
    const stillOpen: Generator<Frame>[] = [];
    for (const source of open) {
      const next = source.next();
      if (next.done !== true) {
        yield next.value;
        stillOpen.push(source);
      }
    }
    open = stillOpen;
  }
}
