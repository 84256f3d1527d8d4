/**
 * Reads a chat.completions request as strictly as api.openai.com does, one problem at a time and in
 * its words: https://platform.openai.com/docs/api-reference/chat/create
 */
import { isArray, isGiven, isObject, type JsonObject, property } from "./json-value.ts";
import { readOpenaiMessages } from "./openai-messages.ts";
import { readOpenaiTools } from "./openai-tools.ts";
import type { Profile } from "./profile.ts";
import type { OutputFormat, Prompt } from "./prompt.ts";
import { RefusedRequest } from "./refusal.ts";

export type OpenaiRequest = {
  readonly prompt: Prompt;
  readonly isStream: boolean;
  readonly includeUsage: boolean;
  /** Usage so far on every chunk: vLLM's and SGLang's `continuous_usage_stats`. */
  readonly continuousUsage: boolean;
  /** Alternatives per token; `undefined` without `logprobs`. */
  readonly topLogprobs: number | undefined;
  /** As the response reports it. */
  readonly serviceTier: string;
};

type Body = {
  readonly model?: unknown;
  readonly messages?: unknown;
  readonly max_tokens?: unknown;
  readonly max_completion_tokens?: unknown;
  readonly n?: unknown;
  readonly seed?: unknown;
  readonly stop?: unknown;
  readonly stream?: unknown;
  readonly stream_options?: unknown;
  readonly response_format?: unknown;
  readonly reasoning_effort?: unknown;
  readonly enable_thinking?: unknown;
  readonly logprobs?: unknown;
  readonly top_logprobs?: unknown;
  readonly service_tier?: unknown;
};

const PARAMETERS: ReadonlySet<string> = new Set(
  (
    "messages model audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens " +
    "metadata modalities moderation n parallel_tool_calls prediction presence_penalty " +
    "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format " +
    "safety_identifier seed service_tier stop store stream stream_options temperature tool_choice " +
    "tools top_logprobs top_p user verbosity web_search_options"
  ).split(" "),
);

/** What vLLM, SGLang and the hosted compatibles take on top. */
const EXTRAS: ReadonlySet<string> = new Set(
  (
    "top_k min_p top_a repetition_penalty length_penalty stop_token_ids min_tokens ignore_eos " +
    "include_stop_str_in_output skip_special_tokens spaces_between_special_tokens " +
    "truncate_prompt_tokens use_beam_search best_of echo add_generation_prompt " +
    "continue_final_message structured_outputs guided_json guided_regex guided_choice " +
    "guided_grammar chat_template chat_template_kwargs priority cache_salt thinking_token_budget " +
    "include_reasoning return_token_ids regex ebnf json_schema session_params lora_path " +
    "routed_dp_rank rid separate_reasoning stream_reasoning reasoning_format enable_thinking " +
    "thinking_budget reasoning thinking kv_transfer_params safety_model"
  ).split(" "),
);

const RANGES = [
  { name: "temperature", min: 0, max: 2, integer: false },
  { name: "top_p", min: 0, max: 1, integer: false },
  { name: "frequency_penalty", min: -2, max: 2, integer: false },
  { name: "presence_penalty", min: -2, max: 2, integer: false },
  { name: "n", min: 1, max: 128, integer: true },
  { name: "max_tokens", min: 1, max: 1e9, integer: true },
  { name: "max_completion_tokens", min: 1, max: 1e9, integer: true },
  { name: "top_logprobs", min: 0, max: 20, integer: true },
  { name: "seed", min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, integer: true },
] as const;

const CHOICES = [
  {
    name: "reasoning_effort",
    values: ["none", "minimal", "low", "medium", "high", "xhigh", "max"],
  },
  { name: "service_tier", values: ["auto", "default", "flex", "scale", "priority", "fast"] },
  { name: "verbosity", values: ["low", "medium", "high"] },
] as const;

const FLAGS = ["stream", "logprobs", "store", "parallel_tool_calls"] as const;

/** Tokens of hidden thought by `reasoning_effort`. */
const REASONING_TOKENS: ReadonlyMap<unknown, number> = new Map([
  ["low", 16],
  ["medium", 40],
  ["high", 80],
  ["xhigh", 120],
  ["max", 160],
]);

/** Throws `RefusedRequest` for the first problem. */
export function validateOpenaiRequest(value: unknown, profile: Profile): OpenaiRequest {
  if (!isObject(value)) {
    throw bad("We could not parse the JSON body of your request.");
  }
  const body: Body = value;
  if (typeof body.model !== "string" || body.model === "") {
    throw bad("you must provide a model parameter");
  }
  assertKnown(value, profile);
  assertScalars(value);
  assertCombinations(body);
  const messages = readOpenaiMessages(body.messages);
  const tools = readOpenaiTools(value);
  const prompt: Prompt = {
    ...messages,
    ...tools.rules,
    model: body.model,
    segments: [...tools.segments, ...messages.segments],
    format: formatOf(body.response_format),
    maxTokens: numberOr(body.max_completion_tokens ?? body.max_tokens, Infinity),
    stops: stopsOf(body.stop, profile),
    reasoningTokens: reasoningTokensOf(body),
    choices: numberOr(body.n, 1),
    seed: typeof body.seed === "number" ? body.seed : undefined,
  };
  return { prompt, ...deliveryOf(body) };
}

function deliveryOf(body: Body): Omit<OpenaiRequest, "prompt"> {
  const { service_tier: tier } = body;
  return {
    isStream: body.stream === true,
    includeUsage: property(body.stream_options, "include_usage") === true,
    continuousUsage: property(body.stream_options, "continuous_usage_stats") === true,
    topLogprobs: body.logprobs === true ? numberOr(body.top_logprobs, 0) : undefined,
    serviceTier: typeof tier === "string" && tier !== "auto" ? tier : "default",
  };
}

function assertKnown(body: JsonObject, { acceptsExtras }: Profile): void {
  const unknown = Object.keys(body).filter(
    (name) => !PARAMETERS.has(name) && !(acceptsExtras && EXTRAS.has(name)),
  );
  if (unknown.length > 0) {
    const noun = unknown.length === 1 ? "argument" : "arguments";
    throw bad(`Unrecognized request ${noun} supplied: ${unknown.join(", ")}`);
  }
}

function assertScalars(body: JsonObject): void {
  for (const range of RANGES) {
    if (isGiven(body[range.name])) {
      assertRange(body[range.name], range);
    }
  }
  for (const { name, values } of CHOICES) {
    if (isGiven(body[name]) && !values.some((value) => value === body[name])) {
      const supported = values.map((value) => `'${value}'`).join(", ");
      throw bad(`Invalid value: '${body[name]}'. Supported values are: ${supported}.`, {
        param: name,
        code: "invalid_value",
      });
    }
  }
  for (const name of FLAGS) {
    if (isGiven(body[name]) && typeof body[name] !== "boolean") {
      throw wrongType(name, "a boolean", body[name]);
    }
  }
}

function assertRange(value: unknown, { name, min, max, integer }: (typeof RANGES)[number]): void {
  const noun = integer ? "integer" : "decimal";
  if (typeof value !== "number" || (integer && !Number.isInteger(value))) {
    throw wrongType(name, integer ? "an integer" : "a decimal", value);
  }
  if (value < min || value > max) {
    const [side, comparison, limit] =
      value < min ? ["below minimum", ">=", min] : ["above maximum", "<=", max];
    throw bad(
      `Invalid '${name}': ${noun} ${side} value. Expected a value ${comparison} ${limit}, but got ${value} instead.`,
      { param: name, code: `${noun}_${value < min ? "below_min" : "above_max"}_value` },
    );
  }
}

function assertCombinations(body: Body): void {
  if (isGiven(body.max_tokens) && isGiven(body.max_completion_tokens)) {
    throw bad(
      "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
      { param: "max_tokens", code: "invalid_parameter_combination" },
    );
  }
  if (isGiven(body.stream_options) && body.stream !== true) {
    throw bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.", {
      param: "stream_options",
    });
  }
  if (isGiven(body.top_logprobs) && body.logprobs !== true) {
    throw bad("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", {
      param: "top_logprobs",
    });
  }
}

function formatOf(format: unknown): OutputFormat {
  const type = property(format, "type") ?? "text";
  if (type === "json_object") {
    return { kind: "json" };
  }
  if (type !== "json_schema") {
    if (type !== "text") {
      throw bad(
        `Invalid value: '${type}'. Supported values are: 'json_object', 'json_schema', and 'text'.`,
        { param: "response_format.type", code: "invalid_value" },
      );
    }
    return { kind: "text" };
  }
  const definition = property(format, "json_schema");
  if (typeof property(definition, "name") !== "string") {
    throw missing("response_format.json_schema.name");
  }
  const schema = property(definition, "schema");
  if (!isObject(schema)) {
    throw missing("response_format.json_schema.schema");
  }
  return { kind: "schema", schema };
}

/** api.openai.com takes four; self-hosted engines do not count. */
function stopsOf(stop: unknown, { acceptsExtras }: Profile): readonly string[] {
  const stops = isArray(stop) ? stop : [stop].filter(isGiven);
  const texts = stops.filter((value) => typeof value === "string");
  if (texts.length !== stops.length) {
    throw wrongType("stop", "a string or an array of strings", stop);
  }
  if (texts.length > 4 && !acceptsExtras) {
    throw bad(
      `Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length ${texts.length} instead.`,
      { param: "stop", code: "array_above_max_length" },
    );
  }
  return texts.filter((text) => text !== "");
}

function reasoningTokensOf({ reasoning_effort: effort, enable_thinking: thinking }: Body): number {
  return REASONING_TOKENS.get(effort) ?? (thinking === true ? 40 : 0);
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

function bad(
  message: string,
  place: { readonly param?: string; readonly code?: string } = {},
): RefusedRequest {
  return new RefusedRequest({ kind: "badRequest", message, ...place });
}

function missing(param: string): RefusedRequest {
  return bad(`Missing required parameter: '${param}'.`, {
    param,
    code: "missing_required_parameter",
  });
}

function wrongType(param: string, wanted: string, value: unknown): RefusedRequest {
  const noun = isArray(value) ? "array" : typeof value;
  const article = noun === "array" || noun === "object" ? "an" : "a";
  return bad(
    `Invalid type for '${param}': expected ${wanted}, but got ${article} ${noun} instead.`,
    {
      param,
      code: "invalid_type",
    },
  );
}
