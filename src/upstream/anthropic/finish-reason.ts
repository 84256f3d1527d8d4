import type { FinishReason } from "../../domain/stream-event.ts";

const reasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["tool_use", "tool-calls"],
  ["pause_turn", "pause"],
  ["refusal", "refusal"],
  ["model_context_window_exceeded", "context-length"],
]);

/** `other` for words nobody has documented. */
export function finishReasonOf(rawReason: string): FinishReason {
  return reasons.get(rawReason) ?? "other";
}
