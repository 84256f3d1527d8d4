import type { CompletionSpec, ContentPart, Message } from "./completion.ts";
import type { Dialect } from "./endpoint.ts";

/**
 * Everything a caller can ask for that some endpoint cannot take.
 *
 * An endpoint lists the ones it takes. One it does not take is left out of its request and listed as
 * dropped, or the endpoint is refused: always for the essential ones, which would change what the
 * answer is, and for all of them when the policy requires every parameter.
 */
export const parameters = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "max_output_tokens",
  "stop",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "candidate_count",
  "top_logprobs",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "tool_strict",
  "response_format_json_object",
  "response_format_json_schema",
  "response_format_strict",
  "reasoning_effort",
  "reasoning_max_tokens",
  "provider_extensions",
  "message_name",
  "media_detail",
  "media_filename",
  "media_url",
  "media_data",
  "media_file_id",
  "tool_result_media",
  "tool_result_error",
  "reasoning_history",
  "refusal_history",
  "cache_breakpoint",
] as const;

export type Parameter = (typeof parameters)[number];

/** Leaving one of these out would answer another question than the caller's. */
export const essentialParameters: ReadonlySet<Parameter> = new Set<Parameter>([
  "candidate_count",
  "tools",
  "tool_choice",
  "response_format_json_object",
  "response_format_json_schema",
  "media_url",
  "media_data",
  "media_file_id",
  "tool_result_media",
]);

const openaiChat: readonly Parameter[] = parameters.filter(
  (name) =>
    !(
      [
        "cache_breakpoint",
        "tool_result_media",
        "tool_result_error",
        "reasoning_max_tokens",
      ] as readonly Parameter[]
    ).includes(name),
);

const anthropicMessages: readonly Parameter[] = [
  "temperature",
  "top_p",
  "top_k",
  "max_output_tokens",
  "stop",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "tool_strict",
  "response_format_json_schema",
  "reasoning_effort",
  "reasoning_max_tokens",
  "provider_extensions",
  "media_url",
  "media_data",
  "media_file_id",
  "media_filename",
  "tool_result_media",
  "tool_result_error",
  "reasoning_history",
  "refusal_history",
  "cache_breakpoint",
];

/** What each wire format can carry at all. An endpoint may take less, never more. */
export const dialectParameters: Readonly<Record<Dialect, ReadonlySet<Parameter>>> = {
  "openai-chat": new Set(openaiChat),
  "anthropic-messages": new Set(anthropicMessages),
};

/** The parameters a call makes use of, each once. */
export function parametersOf(spec: CompletionSpec): ReadonlySet<Parameter> {
  const used = new Set<Parameter>();
  addSampling(spec, used);
  addTools(spec, used);
  addFormat(spec, used);
  for (const message of spec.messages) {
    addMessage(message, used);
  }
  return used;
}

function addSampling(
  { sampling, reasoning, providerExtensions }: CompletionSpec,
  used: Set<Parameter>,
) {
  const add = (name: Parameter, isUsed: boolean) => {
    if (isUsed) {
      used.add(name);
    }
  };
  add("temperature", sampling.temperature !== undefined);
  add("top_p", sampling.topP !== undefined);
  add("top_k", sampling.topK !== undefined);
  add("min_p", sampling.minP !== undefined);
  add("max_output_tokens", sampling.maxOutputTokens !== undefined);
  add("stop", sampling.stop.length > 0);
  add("seed", sampling.seed !== undefined);
  add("frequency_penalty", sampling.frequencyPenalty !== undefined);
  add("presence_penalty", sampling.presencePenalty !== undefined);
  add("repetition_penalty", sampling.repetitionPenalty !== undefined);
  add("candidate_count", (sampling.candidateCount ?? 1) > 1);
  add("top_logprobs", sampling.topLogprobs !== undefined);
  add("reasoning_effort", reasoning?.effort !== undefined);
  add("reasoning_max_tokens", reasoning?.maxTokens !== undefined);
  add("provider_extensions", providerExtensions !== undefined);
}

function addTools({ tools, toolChoice, parallelToolCalls }: CompletionSpec, used: Set<Parameter>) {
  if (tools.length === 0) {
    return;
  }
  used.add("tools");
  if (toolChoice !== undefined && toolChoice.kind !== "auto") {
    used.add("tool_choice");
  }
  if (parallelToolCalls !== undefined) {
    used.add("parallel_tool_calls");
  }
  if (tools.some(({ strict }) => strict !== undefined)) {
    used.add("tool_strict");
  }
}

function addFormat({ responseFormat }: CompletionSpec, used: Set<Parameter>) {
  if (responseFormat.kind === "json-object") {
    used.add("response_format_json_object");
  }
  if (responseFormat.kind === "json-schema") {
    used.add("response_format_json_schema");
    if (responseFormat.strict !== undefined) {
      used.add("response_format_strict");
    }
  }
}

function addMessage({ name, parts }: Message, used: Set<Parameter>) {
  if (name !== "") {
    used.add("message_name");
  }
  for (const part of parts) {
    addPart(part, used);
  }
}

function addPart(part: ContentPart, used: Set<Parameter>) {
  if (part.cacheBreakpoint) {
    used.add("cache_breakpoint");
  }
  switch (part.kind) {
    case "media":
      used.add(mediaParameters[part.source.kind]);
      if (part.detail !== "") {
        used.add("media_detail");
      }
      if (part.filename !== "") {
        used.add("media_filename");
      }
      break;
    case "tool-result":
      if (part.isError) {
        used.add("tool_result_error");
      }
      if (part.parts.some(({ kind }) => kind === "media")) {
        used.add("tool_result_media");
      }
      break;
    case "reasoning":
      used.add("reasoning_history");
      break;
    case "refusal":
      used.add("refusal_history");
      break;
    case "text":
    case "tool-call":
      break;
  }
}

const mediaParameters = {
  url: "media_url",
  data: "media_data",
  "file-id": "media_file_id",
} as const satisfies Record<string, Parameter>;
