import type { FinishReason } from "../../domain/stream-event.ts";

const reasons: ReadonlyMap<string, FinishReason> = new Map<string, FinishReason>([
  ["stop", "stop"],
  // Together.
  ["eos", "stop"],
  ["length", "length"],
  ["max_tokens", "length"],
  ["tool_calls", "tool-calls"],
  ["function_call", "tool-calls"],
  ["content_filter", "content-filter"],
  ["refusal", "refusal"],
  ["model_context_window_exceeded", "context-length"],
  // SGLang and vLLM, DeepSeek: the engine gave the request up.
  ["abort", "aborted"],
  ["insufficient_system_resource", "aborted"],
]);

/** `other` for words nobody has documented. */
export function finishReasonOf(rawReason: string): FinishReason {
  return reasons.get(rawReason) ?? "other";
}
