import type { Usage } from "./usage.ts";

/**
 * What an endpoint says while it answers, in order. An answer that arrives whole is told in the same
 * words: one delta per part.
 */
export type StreamEvent =
  | ResponseStart
  | TextDelta
  | ReasoningDelta
  | ReasoningSignature
  | RedactedReasoning
  | RefusalDelta
  | ToolCallDelta
  | ChoiceEnd
  | UsageReport;

/** Headers arrived, or the first chunk named the model. May come twice; absent fields say nothing. */
export type ResponseStart = {
  readonly kind: "response-start";
  readonly httpStatus: number | undefined;
  /** The provider's own id of the request. */
  readonly upstreamRequestId: string | undefined;
  /** The provider's own name of the model. */
  readonly upstreamModel: string | undefined;
};

export type TextDelta = {
  readonly kind: "text-delta";
  readonly choice: number;
  readonly text: string;
  readonly logprobs?: readonly TokenLogprob[];
};

export type ReasoningDelta = {
  readonly kind: "reasoning-delta";
  readonly choice: number;
  readonly text: string;
};

/** Closes the reasoning part before it. */
export type ReasoningSignature = {
  readonly kind: "reasoning-signature";
  readonly choice: number;
  readonly signature: Uint8Array;
};

/** A reasoning part of its own that the provider keeps closed. */
export type RedactedReasoning = {
  readonly kind: "redacted-reasoning";
  readonly choice: number;
  readonly data: Uint8Array;
};

export type RefusalDelta = {
  readonly kind: "refusal-delta";
  readonly choice: number;
  readonly text: string;
};

export type ToolCallDelta = {
  readonly kind: "tool-call-delta";
  readonly choice: number;
  /** 0, 1, 2, ... within the choice, without gaps. */
  readonly tool: number;
  /** Only in the first delta of a call; empty afterwards. */
  readonly id: string;
  readonly name: string;
  readonly argumentsFragment: string;
};

export type ChoiceEnd = {
  readonly kind: "choice-end";
  readonly choice: number;
  readonly reason: FinishReason;
  /** The provider's own word. */
  readonly rawReason: string;
  /** The stop sequence that was hit; empty when none or not told. */
  readonly stopSequence: string;
};

/** Running or final counts; a later report replaces an earlier one. */
export type UsageReport = { readonly kind: "usage"; readonly usage: Usage };

export type FinishReason =
  | "stop"
  | "length"
  | "tool-calls"
  | "content-filter"
  | "refusal"
  | "context-length"
  | "pause"
  | "aborted"
  | "other";

export type TokenLogprob = {
  readonly token: string;
  /** Natural logarithm, at most 0. */
  readonly logprob: number;
  readonly utf8: Uint8Array | undefined;
  readonly alternatives: readonly Omit<TokenLogprob, "alternatives">[];
};

/** Takes one event, in order, on the producer's stack. Never throws and never waits. */
export type Emit = (event: StreamEvent) => void;

/** Whether an event is part of the answer itself, which ends the wait for the first token. */
export function isContent(event: StreamEvent): boolean {
  switch (event.kind) {
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
      return event.text !== "";
    case "tool-call-delta":
    case "redacted-reasoning":
      return true;
    case "response-start":
    case "reasoning-signature":
    case "choice-end":
    case "usage":
      return false;
  }
}
