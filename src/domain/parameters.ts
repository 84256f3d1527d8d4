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
export function parametersOf(spec: CompletionSpec): readonly Parameter[] {
  const used: Parameter[] = [];
  addSampling(spec, used);
  addTools(spec, used);
  addFormat(spec, used);
  for (const message of spec.messages) {
    addMessage(message, used);
  }
  return used;
}

/** A call makes use of few, so looking through them is cheaper than a set. */
function add(used: Parameter[], name: Parameter, isUsed: boolean): void {
  if (isUsed && !used.includes(name)) {
    used.push(name);
  }
}

function addSampling(
  { sampling, reasoning, providerExtensions }: CompletionSpec,
  used: Parameter[],
) {
  add(used, "temperature", sampling.temperature !== undefined);
  add(used, "top_p", sampling.topP !== undefined);
  add(used, "top_k", sampling.topK !== undefined);
  add(used, "min_p", sampling.minP !== undefined);
  add(used, "max_output_tokens", sampling.maxOutputTokens !== undefined);
  add(used, "stop", sampling.stop.length > 0);
  add(used, "seed", sampling.seed !== undefined);
  add(used, "frequency_penalty", sampling.frequencyPenalty !== undefined);
  add(used, "presence_penalty", sampling.presencePenalty !== undefined);
  add(used, "repetition_penalty", sampling.repetitionPenalty !== undefined);
  add(used, "candidate_count", (sampling.candidateCount ?? 1) > 1);
  add(used, "top_logprobs", sampling.topLogprobs !== undefined);
  add(used, "reasoning_effort", reasoning?.effort !== undefined);
  add(used, "reasoning_max_tokens", reasoning?.maxTokens !== undefined);
  add(used, "provider_extensions", providerExtensions !== undefined);
}

function addTools({ tools, toolChoice, parallelToolCalls }: CompletionSpec, used: Parameter[]) {
  if (tools.length === 0) {
    return;
  }
  add(used, "tools", true);
  add(used, "tool_choice", toolChoice !== undefined && toolChoice.kind !== "auto");
  add(used, "parallel_tool_calls", parallelToolCalls !== undefined);
  if (tools.some(({ strict }) => strict !== undefined)) {
    add(used, "tool_strict", true);
  }
}

function addFormat({ responseFormat }: CompletionSpec, used: Parameter[]) {
  add(used, "response_format_json_object", responseFormat.kind === "json-object");
  if (responseFormat.kind === "json-schema") {
    add(used, "response_format_json_schema", true);
    add(used, "response_format_strict", responseFormat.strict !== undefined);
  }
}

function addMessage({ name, parts }: Message, used: Parameter[]) {
  add(used, "message_name", name !== "");
  for (const part of parts) {
    addPart(part, used);
  }
}

function addPart(part: ContentPart, used: Parameter[]) {
  add(used, "cache_breakpoint", part.cacheBreakpoint);
  switch (part.kind) {
    case "media":
      add(used, mediaParameters[part.source.kind], true);
      add(used, "media_detail", part.detail !== "");
      add(used, "media_filename", part.filename !== "");
      break;
    case "tool-result":
      add(used, "tool_result_error", part.isError);
      if (part.parts.some(({ kind }) => kind === "media")) {
        add(used, "tool_result_media", true);
      }
      break;
    case "reasoning":
      add(used, "reasoning_history", true);
      break;
    case "refusal":
      add(used, "refusal_history", true);
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
