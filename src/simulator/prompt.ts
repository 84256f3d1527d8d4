import type { JsonObject } from "./json-value.ts";

/** What a request asks of the model, in the words of neither dialect. */
export type Prompt = {
  readonly model: string;
  /** In order of the prefix that a provider caches: tools, system, messages. */
  readonly segments: readonly Segment[];
  readonly imageTokens: number;
  readonly audioTokens: number;
  /** Text of the last user message; directs the answer, see `composeAnswer`. */
  readonly lastUserText: string;
  /** Set when the last message hands back the result of a tool. */
  readonly toolResult: string | undefined;
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  readonly parallelTools: boolean;
  readonly format: OutputFormat;
  /** Reasoning, text and tool arguments together. Infinity when not limited. */
  readonly maxTokens: number;
  readonly stops: readonly string[];
  /** 0 when the model answers at once. */
  readonly reasoningTokens: number;
  /** Number of answers, at least 1. */
  readonly choices: number;
  readonly seed: number | undefined;
};

/** A stretch of the prompt. `breakpoint`: the prefix that ends here may be cached. */
export type Segment = {
  readonly key: string;
  readonly tokens: number;
  readonly breakpoint: boolean;
};

export type Tool = {
  readonly name: string;
  /** Schema of the arguments; `undefined` for a tool that takes free text. */
  readonly parameters: JsonObject | undefined;
};

export type ToolChoice =
  | { readonly kind: "auto" }
  | { readonly kind: "none" }
  | { readonly kind: "required" }
  | { readonly kind: "named"; readonly name: string };

export type OutputFormat =
  | { readonly kind: "text" }
  | { readonly kind: "json" }
  | { readonly kind: "schema"; readonly schema: JsonObject };

export function promptTokensOf({ segments }: Prompt): number {
  return segments.reduce((sum, { tokens }) => sum + tokens, 0);
}
