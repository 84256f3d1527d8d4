/**
 * Events of the Messages API as events of ours.
 *
 * An answer is a list of content blocks, each opened, filled and closed. Blocks of tools that run on the
 * provider's side have no counterpart and are skipped, as are events that nobody knows yet, which the
 * API's version policy asks for. The answer is complete when its stop reason came.
 *
 * Each stream begins with the counts of its prompt, and with one of its output that is 1 or so before
 * anything was generated. They are not told until something is: a stream that is refused or hangs before
 * that has used nothing, as far as anybody is billed for it.
 */
import type { Failure, Outcome } from "../../domain/outcome.ts";
import { SUCCESS } from "../../domain/outcome.ts";
import { classifyErrorInBody } from "../classify-response.ts";
import type { DecodeContext, StreamDecoder } from "../dialect-adapter.ts";
import { isRecord, textOf } from "../json.ts";
import {
  type Blocks,
  closeBlock,
  closeBlocks,
  createBlocks,
  openBlock,
  takeBlockDelta,
} from "./content-block.ts";
import { finishReasonOf } from "./finish-reason.ts";
import { createRunningUsage, type RunningUsage, takeUsage, usageOf } from "./usage.ts";

/** One answer while it comes. */
export type MessageState = {
  readonly context: DecodeContext;
  readonly usage: RunningUsage;
  /** There are counts that have not been told. */
  hasUntoldUsage: boolean;
  readonly blocks: Blocks;
  /** The stop reason explains an empty answer: a limit, a refusal, a pause. */
  explained: boolean;
  stopped: boolean;
};

export type MessageFields = {
  readonly model?: unknown;
  readonly usage?: unknown;
  readonly stop_reason?: unknown;
  readonly stop_sequence?: unknown;
};

type EventFields = {
  readonly type?: unknown;
  readonly index?: unknown;
  readonly message?: unknown;
  readonly content_block?: unknown;
  readonly delta?: unknown;
  readonly usage?: unknown;
};

/** Blocks per answer; more would only hold memory. */
export const MAX_BLOCKS = 4_096;

export function createStreamDecoder(context: DecodeContext): StreamDecoder {
  const state = createMessageState(context);
  return {
    take(_name, data) {
      if (data.trim() === "") {
        return undefined;
      }
      let event: unknown;
      try {
        event = JSON.parse(data);
      } catch {
        return malformed("An event of the endpoint's answer is not JSON.");
      }
      return isRecord(event)
        ? takeEvent(state, event)
        : malformed("An event of the endpoint's answer is not an object.");
    },
    end() {
      return finishMessage(state, "network");
    },
  };
}

export function createMessageState(context: DecodeContext): MessageState {
  return {
    context,
    usage: createRunningUsage(),
    hasUntoldUsage: false,
    blocks: createBlocks(context.emit),
    explained: false,
    stopped: false,
  };
}

function takeEvent(state: MessageState, event: EventFields): Outcome | undefined {
  switch (event.type) {
    case "content_block_delta":
    case "content_block_start":
    case "content_block_stop":
      return takeBlockEvent(state, event);
    case "message_start":
      beginMessage(state, fieldsOf(event.message));
      return undefined;
    case "message_delta":
      countUsage(state, event.usage);
      tellUsage(state);
      stopMessage(state, fieldsOf(event.delta));
      return undefined;
    case "message_stop":
      return finishMessage(state, "malformed-response");
    case "error":
      return classifyErrorInBody(event);
    default:
      // `ping`, and what later versions add.
      return undefined;
  }
}

function takeBlockEvent(state: MessageState, event: EventFields): Failure | undefined {
  const { index } = event;
  if (!isIndex(index)) {
    return malformed("A block of the endpoint's answer has no valid index.");
  }
  if (state.stopped) {
    return undefined;
  }
  if (event.type === "content_block_delta") {
    takeBlockDelta(state.blocks, index, event.delta);
  } else if (event.type === "content_block_start") {
    openBlock(state.blocks, index, event.content_block);
  } else {
    closeBlock(state.blocks, index);
  }
  if (state.hasUntoldUsage && (state.blocks.hasContent || state.blocks.mayHide)) {
    tellUsage(state);
  }
  return undefined;
}

/** Tells the model and takes the first counts. */
export function beginMessage(state: MessageState, message: MessageFields): void {
  const upstreamModel = state.context.redaction.name(message.model);
  if (upstreamModel !== undefined) {
    state.context.emit({
      kind: "response-start",
      httpStatus: undefined,
      upstreamRequestId: undefined,
      upstreamModel,
    });
  }
  countUsage(state, message.usage);
}

function countUsage(state: MessageState, value: unknown): void {
  if (takeUsage(state.usage, value)) {
    state.hasUntoldUsage = true;
  }
}

/** Tells what was counted, unless it was told. */
export function tellUsage(state: MessageState): void {
  if (state.hasUntoldUsage) {
    state.hasUntoldUsage = false;
    state.context.emit({ kind: "usage", usage: usageOf(state.usage) });
  }
}

/** Ends the choice, once there is a reason. */
export function stopMessage(state: MessageState, message: MessageFields): void {
  const rawReason = textOf(message.stop_reason);
  if (rawReason === "" || state.stopped) {
    return;
  }
  closeBlocks(state.blocks);
  state.stopped = true;
  const reason = finishReasonOf(rawReason);
  state.explained = reason !== "other" && rawReason !== "end_turn";
  state.context.emit({
    kind: "choice-end",
    choice: 0,
    reason,
    rawReason,
    stopSequence: textOf(message.stop_sequence),
  });
}

/** How the answer ended; `unfinished` is the kind of failure when it has not. */
export function finishMessage(
  { stopped, explained, blocks, context }: MessageState,
  unfinished: "network" | "malformed-response",
): Outcome {
  if (!stopped) {
    return { kind: unfinished, message: "The endpoint's answer broke off before its end." };
  }
  return blocks.hasContent || explained || context.mayBeEmpty
    ? SUCCESS
    : malformed("The endpoint's answer is empty.");
}

export function malformed(message: string): Failure {
  return { kind: "malformed-response", message };
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < MAX_BLOCKS;
}

/** Every field stays unknown, so this claims nothing. */
function fieldsOf(value: unknown): MessageFields {
  return isRecord(value) ? value : {};
}
