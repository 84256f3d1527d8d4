import type { Modality } from "./endpoint.ts";

/** What to generate. Belongs to no provider: every wire format is translated to and from it. */
export type CompletionSpec = {
  /** Catalogue id or alias. */
  readonly model: string;
  /** Never empty. */
  readonly messages: readonly Message[];
  readonly tools: readonly FunctionTool[];
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
  readonly responseFormat: ResponseFormat;
  readonly sampling: SamplingParams;
  readonly reasoning: ReasoningConfig | undefined;
  /** Keys an adapter adds to the request body as they are; never interpreted. */
  readonly providerExtensions: Readonly<Record<string, unknown>> | undefined;
};

export type Role = "system" | "developer" | "user" | "assistant" | "tool";

export type Message = {
  readonly role: Role;
  readonly parts: readonly ContentPart[];
  /** Empty when the speaker has no name. */
  readonly name: string;
};

export type ContentPart = (
  | TextPart
  | MediaPart
  | ToolCallPart
  | ToolResultPart
  | ReasoningPart
  | RefusalPart
) & {
  /** Marks the end of a prefix worth caching. */
  readonly cacheBreakpoint: boolean;
};

export type TextPart = { readonly kind: "text"; readonly text: string };

export type MediaPart = {
  readonly kind: "media";
  readonly modality: Exclude<Modality, "text">;
  /** Empty when unknown. */
  readonly mimeType: string;
  readonly source:
    | { readonly kind: "url"; readonly url: string }
    | { readonly kind: "data"; readonly data: Uint8Array }
    | { readonly kind: "file-id"; readonly fileId: string };
  /** `low`, `high`, `auto` or empty. */
  readonly detail: string;
  readonly filename: string;
};

export type ToolCallPart = {
  readonly kind: "tool-call";
  readonly id: string;
  readonly name: string;
  /** JSON text as the model wrote it; may be invalid JSON. */
  readonly argumentsJson: string;
};

export type ToolResultPart = {
  readonly kind: "tool-result";
  readonly toolCallId: string;
  /** Text and media only. */
  readonly parts: readonly (TextPart | MediaPart)[];
  readonly isError: boolean;
};

/** Reasoning and the provider's opaque proof of it, handed back verbatim on the next turn. */
export type ReasoningPart = {
  readonly kind: "reasoning";
  readonly text: string;
  /** Empty when the provider gave none. Holds the redacted data when `redacted`. */
  readonly signature: Uint8Array;
  readonly redacted: boolean;
};

export type RefusalPart = { readonly kind: "refusal"; readonly text: string };

export type FunctionTool = {
  readonly name: string;
  readonly description: string;
  /** JSON Schema as text, so that key order and number forms survive. Empty: no arguments. */
  readonly parametersJsonSchema: string;
  readonly strict: boolean | undefined;
};

export type ToolChoice =
  | { readonly kind: "auto" }
  | { readonly kind: "none" }
  | { readonly kind: "required" }
  | { readonly kind: "function"; readonly name: string };

export type ResponseFormat =
  | { readonly kind: "text" }
  | { readonly kind: "json-object" }
  | {
      readonly kind: "json-schema";
      readonly name: string;
      readonly schemaJson: string;
      readonly strict: boolean | undefined;
    };

/** Absent values take the provider's default. Ranges are checked at the edge. */
export type SamplingParams = {
  /** 0 to 2. */
  readonly temperature: number | undefined;
  /** Above 0, at most 1. */
  readonly topP: number | undefined;
  /** At least 1. */
  readonly topK: number | undefined;
  /** 0 to 1. */
  readonly minP: number | undefined;
  /** At least 1. */
  readonly maxOutputTokens: number | undefined;
  readonly stop: readonly string[];
  readonly seed: bigint | undefined;
  /** -2 to 2. */
  readonly frequencyPenalty: number | undefined;
  /** -2 to 2. */
  readonly presencePenalty: number | undefined;
  /** Above 0, at most 2. */
  readonly repetitionPenalty: number | undefined;
  /** 1 to 16. */
  readonly candidateCount: number | undefined;
  /** 0 to 20; 0 asks for the chosen token's own probability. */
  readonly topLogprobs: number | undefined;
};

export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

export type ReasoningConfig = {
  readonly effort: ReasoningEffort | undefined;
  readonly maxTokens: number | undefined;
  readonly includeInResponse: boolean;
};

/** Labels for attribution of cost and traces. Identity comes from credentials, never from here. */
export type CallerLabels = {
  readonly application: string;
  readonly endUserHash: string;
  readonly labels: Readonly<Record<string, string>>;
};
