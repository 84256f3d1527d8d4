/**
 * Chunks of chat.completions as events.
 *
 * Chunks come without choices (usage, Azure's prompt filter), choices without delta (Azure's answer
 * filter), deltas without content (role, comments of a queue) and errors in place of chunks. Nothing is
 * taken for granted but that a choice is over when it has a finish reason, and the answer when every
 * choice that began is.
 *
 * An answer that comes whole is one chunk with `message` in place of `delta`.
 */
import type { Failure, Outcome } from "../../domain/outcome.ts";
import { SUCCESS } from "../../domain/outcome.ts";
import type { TokenLogprob } from "../../domain/stream-event.ts";
import { classifyErrorInBody } from "../classify-response.ts";
import type { DecodeContext, StreamDecoder } from "../dialect-adapter.ts";
import { isRecord, textOf } from "../json.ts";
import { finishReasonOf } from "./finish-reason.ts";
import { decodeLogprobs } from "./logprobs.ts";
import {
  closeToolCalls,
  createToolCalls,
  type ToolCalls,
  takeFunctionCall,
  takeToolFragment,
} from "./tool-calls.ts";
import { usageOf } from "./usage.ts";

/** Decodes parsed chunks; `createStreamDecoder` puts the text of events before it. */
export type ChunkDecoder = {
  takeChunk(chunk: unknown): Failure | undefined;
  /** How the answer ended; `unfinished` is the kind of failure when it has not. */
  finish(unfinished: "network" | "malformed-response"): Outcome;
};

/** The format allows 128 choices; a larger index is garbage that would be expensive to hold. */
const MAX_CHOICES = 128;

type State = {
  readonly context: DecodeContext;
  readonly choices: (ChoiceState | undefined)[];
  unfinished: number;
  hasContent: boolean;
  /** An end that explains an empty answer: a limit, a filter, a refusal. */
  explained: boolean;
  aborted: boolean;
  named: boolean;
  answerId: string;
};

type ChoiceState = {
  readonly index: number;
  readonly tools: ToolCalls;
  ended: boolean;
};

type ChunkFields = {
  readonly id?: unknown;
  readonly object?: unknown;
  readonly model?: unknown;
  readonly choices?: unknown;
  readonly usage?: unknown;
  readonly error?: unknown;
  readonly x_groq?: unknown;
};

type ChoiceFields = {
  readonly index?: unknown;
  readonly delta?: unknown;
  readonly message?: unknown;
  readonly finish_reason?: unknown;
  readonly logprobs?: unknown;
  readonly usage?: unknown;
  readonly error?: unknown;
  readonly stop_reason?: unknown;
  readonly matched_stop?: unknown;
};

type DeltaFields = {
  readonly content?: unknown;
  readonly reasoning?: unknown;
  readonly reasoning_content?: unknown;
  readonly refusal?: unknown;
  readonly tool_calls?: unknown;
  readonly function_call?: unknown;
};

export function createStreamDecoder(context: DecodeContext): StreamDecoder {
  const decoder = createChunkDecoder(context);
  return {
    take(name, data) {
      if (data.startsWith("[DONE]")) {
        return decoder.finish("malformed-response");
      }
      if (data.trim() === "") {
        return undefined;
      }
      let chunk: unknown;
      try {
        chunk = JSON.parse(data);
      } catch {
        return malformed("An event of the endpoint's answer is not JSON.");
      }
      return name === "error" ? classifyErrorInBody(chunk) : decoder.takeChunk(chunk);
    },
    end() {
      return decoder.finish("network");
    },
  };
}

export function createChunkDecoder(context: DecodeContext): ChunkDecoder {
  const state: State = {
    context,
    choices: [],
    unfinished: 0,
    hasContent: false,
    explained: false,
    aborted: false,
    named: false,
    answerId: "",
  };
  return {
    takeChunk(chunk) {
      return takeChunk(state, chunk);
    },
    finish(unfinished) {
      return finish(state, unfinished);
    },
  };
}

function takeChunk(state: State, value: unknown): Failure | undefined {
  if (!isRecord(value)) {
    return malformed("An event of the endpoint's answer is not an object.");
  }
  // Every field stays unknown, so the cast claims nothing. The same holds below.
  const chunk = value as ChunkFields;
  const groq = chunk.x_groq === undefined ? undefined : fieldsOf(chunk.x_groq);
  if (isError(chunk.error) || isError(groq?.["error"]) || chunk.object === "error") {
    return classifyErrorInBody(isError(groq?.["error"]) ? groq : chunk);
  }
  if (!state.named) {
    announce(state, chunk);
  }
  const failure = takeChoices(state, chunk.choices);
  takeUsage(state, chunk.usage ?? groq?.["usage"]);
  return failure;
}

/** Azure's first chunk has an empty id and model. */
function announce(state: State, chunk: ChunkFields): void {
  const upstreamModel = state.context.redaction.name(chunk.model);
  state.answerId ||= textOf(chunk.id).slice(0, 64);
  if (upstreamModel !== undefined) {
    state.named = true;
    state.context.emit({
      kind: "response-start",
      httpStatus: undefined,
      upstreamRequestId: undefined,
      upstreamModel,
    });
  }
}

function takeUsage(state: State, value: unknown): void {
  if (value === undefined || value === null) {
    return;
  }
  const usage = usageOf(value);
  if (usage !== undefined) {
    state.context.emit({ kind: "usage", usage });
  }
}

function takeChoices(state: State, choices: unknown): Failure | undefined {
  if (!Array.isArray(choices)) {
    return undefined;
  }
  for (let position = 0; position < choices.length; position += 1) {
    const failure = takeChoice(state, choices[position]);
    if (failure !== undefined) {
      return failure;
    }
  }
  return undefined;
}

function takeChoice(state: State, value: unknown): Failure | undefined {
  if (!isRecord(value)) {
    return undefined;
  }
  const fields = value as ChoiceFields;
  if (isError(fields.error)) {
    return classifyErrorInBody(fields);
  }
  const index = fields.index ?? 0;
  if (!isIndex(index)) {
    return malformed("A choice of the endpoint's answer has no valid index.");
  }
  const delta = fieldsOf(fields.delta ?? fields.message);
  const hasReason = typeof fields.finish_reason === "string" && fields.finish_reason !== "";
  if (delta === undefined && !hasReason) {
    return undefined;
  }
  const choice = state.choices[index] ?? beginChoice(state, index);
  if (choice.ended) {
    return undefined;
  }
  if (delta !== undefined) {
    takeDelta(state, choice, delta, decodeLogprobs(fields.logprobs));
  }
  takeUsage(state, fields.usage);
  return hasReason ? endChoice(state, choice, fields) : undefined;
}

function beginChoice(state: State, index: number): ChoiceState {
  const choice = { index, tools: createToolCalls(state.context.emit, index), ended: false };
  state.choices[index] = choice;
  state.unfinished += 1;
  return choice;
}

function takeDelta(
  state: State,
  choice: ChoiceState,
  delta: DeltaFields,
  logprobs: readonly TokenLogprob[] | undefined,
): void {
  // Together sends the same text under both names.
  const reasoning = textOf(delta.reasoning_content) || textOf(delta.reasoning);
  if (reasoning !== "") {
    takeReasoning(state, choice.index, reasoning);
  }
  const { content } = delta;
  if (typeof content === "string" || logprobs !== undefined) {
    takeText(state, choice.index, textOf(content), logprobs);
  } else if (Array.isArray(content)) {
    takeParts(state, choice.index, content);
  }
  if (typeof delta.refusal === "string" && delta.refusal !== "") {
    state.hasContent = true;
    state.context.emit({ kind: "refusal-delta", choice: choice.index, text: delta.refusal });
  }
  if (delta.tool_calls !== undefined || delta.function_call !== undefined) {
    takeTools(state, choice, delta);
  }
}

function takeReasoning(state: State, choice: number, text: string): void {
  state.hasContent = true;
  state.context.emit({ kind: "reasoning-delta", choice, text });
}

/** A token may be half a character: no text yet, but a log probability. */
function takeText(
  state: State,
  choice: number,
  text: string,
  logprobs: readonly TokenLogprob[] | undefined,
): void {
  if (logprobs !== undefined) {
    state.hasContent ||= text !== "";
    state.context.emit({ kind: "text-delta", choice, text, logprobs });
  } else if (text !== "") {
    state.hasContent = true;
    state.context.emit({ kind: "text-delta", choice, text });
  }
}

/** Mistral: `[{type: "thinking", thinking: [{type: "text", text}]}, {type: "text", text}]`. */
function takeParts(state: State, choice: number, parts: readonly unknown[]): void {
  for (const part of parts) {
    if (isRecord(part)) {
      const thinking = Array.isArray(part["thinking"]) ? part["thinking"] : [];
      const reasoning = thinking
        .map((inner: unknown) => textOf(fieldsOf(inner)?.["text"]))
        .join("");
      if (reasoning !== "") {
        takeReasoning(state, choice, reasoning);
      }
      takeText(state, choice, textOf(part["text"]), undefined);
    }
  }
}

function takeTools(state: State, { tools }: ChoiceState, delta: DeltaFields): void {
  if (Array.isArray(delta.tool_calls)) {
    for (let position = 0; position < delta.tool_calls.length; position += 1) {
      takeToolFragment(tools, delta.tool_calls[position], state.answerId);
    }
  }
  if (isRecord(delta.function_call)) {
    takeFunctionCall(tools, delta.function_call, state.answerId);
  }
  state.hasContent ||= tools.calls.length > 0;
}

function endChoice(state: State, choice: ChoiceState, fields: ChoiceFields): Failure | undefined {
  const rawReason = textOf(fields.finish_reason);
  // OpenRouter ends a choice so when the provider behind it broke.
  if (rawReason === "error") {
    return classifyErrorInBody(undefined);
  }
  choice.ended = true;
  state.unfinished -= 1;
  closeToolCalls(choice.tools, state.answerId);
  const known = finishReasonOf(rawReason);
  // A forced call ends with `stop`.
  const reason = known === "stop" && choice.tools.calls.length > 0 ? "tool-calls" : known;
  state.aborted ||= reason === "aborted";
  state.explained ||= reason !== "stop" && reason !== "other" && reason !== "aborted";
  state.context.emit({
    kind: "choice-end",
    choice: choice.index,
    reason,
    rawReason,
    stopSequence: textOf(fields.stop_reason) || textOf(fields.matched_stop),
  });
  return undefined;
}

function finish(state: State, unfinished: "network" | "malformed-response"): Outcome {
  if (state.choices.length === 0 || state.unfinished > 0) {
    return { kind: unfinished, message: "The endpoint's answer broke off before its end." };
  }
  if (state.hasContent || state.explained) {
    return SUCCESS;
  }
  if (state.aborted) {
    return { kind: "overloaded", message: "The endpoint gave up before any content." };
  }
  return state.context.mayBeEmpty ? SUCCESS : malformed("The endpoint's answer is empty.");
}

function malformed(message: string): Failure {
  return { kind: "malformed-response", message };
}

function isError(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && value !== false;
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < MAX_CHOICES;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return isRecord(value) ? value : undefined;
}
