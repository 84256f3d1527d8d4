const GEN_AI = "https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/";

export type AttributeDefinition = {
  readonly key: string;
  /** In the newer GenAI conventions; absent when it is the same. */
  readonly latestKey?: string;
  readonly type: "string" | "string[]" | "int" | "double" | "boolean";
  /** `ms`, `{token}`, `nUSD`; absent of what is no quantity. */
  readonly unit?: string;
  readonly meaning: string;
  /** Where the convention defines it; absent of our own. */
  readonly convention?: string;
};

/** Those of the conventions for generative AI. The rest is in `attribute-table.ts`. */
export const genAiAttributes = {
  genAiOperation: {
    key: "gen_ai.operation.name",
    type: "string",
    meaning: "Always chat.",
    convention: GEN_AI,
  },
  genAiProvider: {
    key: "gen_ai.provider.name",
    type: "string",
    meaning: "The provider by its name in the conventions.",
    convention: GEN_AI,
  },
  requestModel: {
    key: "gen_ai.request.model",
    type: "string",
    meaning:
      "Of an attempt: the catalogue's name of the model, as in metrics. Of the call: as the caller asked.",
    convention: GEN_AI,
  },
  requestStream: {
    key: "gen_ai.request.stream",
    type: "boolean",
    meaning: "Whether the attempt asked for a stream: some do although their caller did not.",
    convention: GEN_AI,
  },
  requestChoices: {
    key: "gen_ai.request.choice.count",
    type: "int",
    meaning: "Candidate answers asked for; absent when one.",
    convention: GEN_AI,
  },
  requestSeed: {
    key: "gen_ai.request.seed",
    type: "int",
    meaning: "Seed; absent when a number cannot hold it exactly.",
    convention: GEN_AI,
  },
  requestTemperature: {
    key: "gen_ai.request.temperature",
    type: "double",
    meaning: "Sampling temperature.",
    convention: GEN_AI,
  },
  requestTopP: {
    key: "gen_ai.request.top_p",
    type: "double",
    meaning: "Nucleus sampling.",
    convention: GEN_AI,
  },
  requestTopK: {
    key: "gen_ai.request.top_k",
    type: "double",
    meaning: "Tokens considered.",
    convention: GEN_AI,
  },
  requestMaxTokens: {
    key: "gen_ai.request.max_tokens",
    type: "int",
    unit: "{token}",
    meaning: "Most output tokens.",
    convention: GEN_AI,
  },
  requestStop: {
    key: "gen_ai.request.stop_sequences",
    type: "string[]",
    meaning: "Texts that end the answer. Only with telemetry.traces.content; masked and cut.",
    convention: GEN_AI,
  },
  requestFrequencyPenalty: {
    key: "gen_ai.request.frequency_penalty",
    type: "double",
    meaning: "Frequency penalty.",
    convention: GEN_AI,
  },
  requestPresencePenalty: {
    key: "gen_ai.request.presence_penalty",
    type: "double",
    meaning: "Presence penalty.",
    convention: GEN_AI,
  },
  outputType: {
    key: "gen_ai.output.type",
    type: "string",
    meaning: "text or json.",
    convention: GEN_AI,
  },
  responseModel: {
    key: "gen_ai.response.model",
    type: "string",
    meaning: "The provider's own name of the model that answered.",
    convention: GEN_AI,
  },
  timeToFirstChunk: {
    key: "gen_ai.response.time_to_first_chunk",
    type: "double",
    unit: "s",
    meaning: "Since the attempt's start; absent when no content came.",
    convention: GEN_AI,
  },
  inputTokens: {
    key: "gen_ai.usage.input_tokens",
    type: "int",
    unit: "{token}",
    meaning: "All input tokens, those read from and written to a cache among them.",
    convention: GEN_AI,
  },
  outputTokens: {
    key: "gen_ai.usage.output_tokens",
    type: "int",
    unit: "{token}",
    meaning: "All output tokens, those of the reasoning among them.",
    convention: GEN_AI,
  },
  cacheReadTokens: {
    key: "gen_ai.usage.cache_read.input_tokens",
    type: "int",
    unit: "{token}",
    meaning: "Of the input tokens, those read from a cache.",
    convention: GEN_AI,
  },
  cacheWriteTokens: {
    key: "gen_ai.usage.cache_creation.input_tokens",
    latestKey: "gen_ai.usage.cache_write.input_tokens",
    type: "int",
    unit: "{token}",
    meaning: "Of the input tokens, those written to a cache.",
    convention: GEN_AI,
  },
  reasoningTokens: {
    key: "gen_ai.usage.reasoning.output_tokens",
    type: "int",
    unit: "{token}",
    meaning: "Of the output tokens, those of the reasoning.",
    convention: GEN_AI,
  },
  finishReasons: {
    key: "gen_ai.response.finish_reasons",
    type: "string[]",
    meaning: "Why each choice ended; absent when none did.",
    convention: GEN_AI,
  },
  inputMessages: {
    key: "gen_ai.input.messages",
    type: "string",
    meaning: "The prompt as JSON. Only with telemetry.traces.content; masked and cut.",
    convention: GEN_AI,
  },
  outputMessages: {
    key: "gen_ai.output.messages",
    type: "string",
    meaning: "The answer as JSON. Only with telemetry.traces.content; masked and cut.",
    convention: GEN_AI,
  },
  systemInstructions: {
    key: "gen_ai.system_instructions",
    type: "string",
    meaning: "What leads the prompt, as JSON. Only with telemetry.traces.content; masked and cut.",
    convention: GEN_AI,
  },
  toolDefinitions: {
    key: "gen_ai.tool.definitions",
    type: "string",
    meaning: "The tools as JSON. Only with telemetry.traces.content; masked and cut.",
    convention: GEN_AI,
  },
} as const satisfies Readonly<Record<string, AttributeDefinition>>;
