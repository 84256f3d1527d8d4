import type { Choice, ContentPart, Timings } from "../../gen/atlas/v1/completion_pb.ts";
import { FinishReason, FinishReasonSchema } from "../../gen/atlas/v1/completion_pb.ts";
import type { Attempt, Cost, Usage } from "../../gen/atlas/v1/types_pb.ts";
import { FailureKindSchema } from "../../gen/atlas/v1/types_pb.ts";
import { wordOf } from "./enum-words.ts";
import { formatDuration, formatNumberOf, formatUsd } from "./figures.ts";
import { formatUsage } from "./format-usage.ts";

/** How a call went, whether its answer came whole or streamed. */
export type AnswerSummary = {
  /** Empty when not told. */
  readonly id?: string;
  readonly endpoint: string;
  readonly attempts: readonly Attempt[];
  readonly usage?: Usage | undefined;
  readonly cost?: Cost | undefined;
  readonly timings?: Timings | undefined;
  readonly finishReasons: readonly FinishReason[];
};

/**
 * One line: where, how often, how much, how fast, an end that is not the ordinary one, and the command
 * that tells more.
 */
export function formatSummary(summary: AnswerSummary): string {
  const { id = "", endpoint, attempts, usage, cost, timings, finishReasons } = summary;
  const odd = [...new Set(finishReasons)].filter((reason) => reason !== FinishReason.STOP);
  const rate = timings?.outputTokensPerSecond ?? 0;
  const parts = [
    endpoint,
    formatNumberOf(attempts.length, "attempt"),
    usage === undefined ? "" : formatUsage(usage),
    cost === undefined ? "" : `cost ${formatUsd(cost.totalNanoUsd)}`,
    timings === undefined ? "" : `first token ${formatDuration(timings.upstreamFirstToken)}`,
    timings === undefined ? "" : `total ${formatDuration(timings.total)}`,
    rate > 0 ? `${rate.toFixed(0)} tok/s` : "",
    odd.length === 0
      ? ""
      : `ended by ${odd.map((reason) => wordOf(FinishReasonSchema, reason)).join(", ")}`,
    id === "" ? "" : `atlas trace ${id}`,
  ];
  return parts.filter((part) => part !== "").join(" · ");
}

/** Why an attempt was given up. */
export function formatFailure({ endpoint, failure, httpStatus, errorMessage }: Attempt): string {
  const status = httpStatus === 0 ? "" : ` ${httpStatus}`;
  const message = errorMessage === "" ? "" : ` (${errorMessage})`;
  return `${endpoint} failed: ${wordOf(FailureKindSchema, failure)}${status}${message}`;
}

/** What the model says in one answer: text, refusals and tool calls, in reading order. */
export function formatChoice({ message }: Choice): string {
  return (message?.parts ?? [])
    .map(formatPart)
    .filter((text) => text !== "")
    .join("\n");
}

/** The model's reasoning behind one answer; empty when none was returned. */
export function formatReasoning({ message }: Choice): string {
  return (message?.parts ?? [])
    .flatMap(({ part }) => (part.case === "reasoning" ? part.value.text : []))
    .filter((text) => text !== "")
    .join("\n");
}

export function formatToolCall(name: string, argumentsJson: string): string {
  return `tool call ${name} ${argumentsJson === "" ? "{}" : argumentsJson}`;
}

function formatPart({ part }: ContentPart): string {
  switch (part.case) {
    case "text":
    case "refusal":
      return part.value;
    case "toolCall":
      return formatToolCall(part.value.name, part.value.argumentsJson);
    case "media":
      return `[${part.value.mimeType || "media"}]`;
    case "toolResult":
    case "reasoning":
    case undefined:
      return "";
    default:
      return part satisfies never;
  }
}
