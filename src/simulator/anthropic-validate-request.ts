/**
 * Reads a Messages request as strictly as api.anthropic.com does, one problem at a time.
 * https://docs.anthropic.com/en/api/messages
 */

import { blockSegment, invalid, readAnthropicMessages } from "./anthropic-messages.ts";
import {
  isArray,
  isGiven,
  isObject,
  type JsonObject,
  property,
  textOrEmpty,
} from "./json-value.ts";
import type { OutputFormat, Prompt, Segment, Tool, ToolChoice } from "./prompt.ts";
import { countTokens } from "./token-text.ts";

export type AnthropicRequest = {
  readonly prompt: Prompt;
  readonly isStream: boolean;
  /** Thinking comes encrypted, as `redacted_thinking`. */
  readonly isRedacted: boolean;
};

type Body = {
  readonly model?: unknown;
  readonly messages?: unknown;
  readonly max_tokens?: unknown;
  readonly system?: unknown;
  readonly tools?: unknown;
  readonly tool_choice?: unknown;
  readonly thinking?: unknown;
  readonly output_config?: unknown;
  readonly stop_sequences?: unknown;
  readonly stream?: unknown;
  readonly cache_control?: unknown;
};

const PARAMETERS: ReadonlySet<string> = new Set(
  (
    "model messages max_tokens system tools tool_choice thinking output_config stop_sequences " +
    "stream temperature top_k top_p service_tier metadata cache_control container diagnostics " +
    "inference_geo speed user_profile_id workspace_id context_management mcp_servers"
  ).split(" "),
);

const RANGES = [
  { name: "max_tokens", min: 1, max: 1e9, integer: true },
  { name: "temperature", min: 0, max: 1, integer: false },
  { name: "top_p", min: 0, max: 1, integer: false },
  { name: "top_k", min: 0, max: 1e9, integer: true },
] as const;

/** Tokens of thought, before the budget of the request cuts them. */
const THINKING_TOKENS = 40;
const MIN_THINKING_BUDGET = 1_024;

/** Throws `RefusedRequest` for the first problem. */
export function validateAnthropicRequest(value: unknown): AnthropicRequest {
  if (!isObject(value)) {
    throw invalid("The request body is not valid JSON: expected an object");
  }
  const body: Body = value;
  assertFields(value);
  const { segments, ...messages } = readAnthropicMessages(body.messages);
  const tools = readTools(body.tools);
  const maxTokens = Number(body.max_tokens);
  const prompt: Prompt = {
    ...messages,
    tools,
    model: textOrEmpty(body.model),
    segments: cached(
      [...toolSegments(body.tools), ...systemSegments(body.system), ...segments],
      isGiven(body.cache_control),
    ),
    toolChoice: readToolChoice(body.tool_choice, tools),
    parallelTools: property(body.tool_choice, "disable_parallel_tool_use") !== true,
    format: formatOf(body.output_config),
    maxTokens,
    stops: stopsOf(body.stop_sequences),
    reasoningTokens: thinkingTokensOf(body.thinking, maxTokens),
    choices: 1,
    seed: undefined,
  };
  const isRedacted = /redacted/i.test(messages.lastUserText);
  return { prompt, isStream: body.stream === true, isRedacted };
}

function assertFields(body: JsonObject): void {
  for (const name of ["model", "max_tokens", "messages"]) {
    if (!isGiven(body[name])) {
      throw invalid(`${name}: Field required`);
    }
  }
  const unknown = Object.keys(body).find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined) {
    throw invalid(`${unknown}: Extra inputs are not permitted`);
  }
  for (const range of RANGES) {
    if (isGiven(body[range.name])) {
      assertNumber(body[range.name], range);
    }
  }
  const { model, stream }: Body = body;
  if (typeof model !== "string" || model === "") {
    throw invalid("model: Input should be a valid string");
  }
  if (isGiven(stream) && typeof stream !== "boolean") {
    throw invalid("stream: Input should be a valid boolean");
  }
}

function assertNumber(value: unknown, { name, min, max, integer }: (typeof RANGES)[number]): void {
  if (typeof value !== "number" || (integer && !Number.isInteger(value))) {
    throw invalid(`${name}: Input should be a valid ${integer ? "integer" : "number"}`);
  }
  if (value < min) {
    throw invalid(`${name}: Input should be greater than or equal to ${min}`);
  }
  if (value > max) {
    throw invalid(`${name}: Input should be less than or equal to ${max}`);
  }
}

function readTools(tools: unknown): readonly Tool[] {
  if (!isArray(tools)) {
    return [];
  }
  return tools.flatMap((tool, index) => {
    const name = property(tool, "name");
    if (typeof name !== "string" || !/^[a-zA-Z0-9_-]{1,128}$/.test(name)) {
      throw invalid(`tools.${index}.custom.name: String should match '^[a-zA-Z0-9_-]{1,128}$'`);
    }
    const type = property(tool, "type");
    if (isGiven(type) && type !== "custom") {
      // Server tools run at the provider; the simulated one never uses them.
      return [];
    }
    const schema = property(tool, "input_schema");
    if (!isObject(schema)) {
      throw invalid(`tools.${index}.custom.input_schema: Field required`);
    }
    return [{ name, parameters: schema }];
  });
}

function readToolChoice(choice: unknown, tools: readonly Tool[]): ToolChoice {
  const type = property(choice, "type") ?? "auto";
  switch (type) {
    case "auto":
      return { kind: "auto" };
    case "none":
      return { kind: "none" };
    case "any":
      return { kind: "required" };
    case "tool": {
      const name = textOrEmpty(property(choice, "name"));
      if (!tools.some((tool) => tool.name === name)) {
        throw invalid(`tool_choice: Tool '${name}' not found in provided tools`);
      }
      return { kind: "named", name };
    }
    default:
      throw invalid(
        `tool_choice: Input tag '${type}' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'`,
      );
  }
}

function formatOf(config: unknown): OutputFormat {
  const format = property(config, "format");
  if (!isGiven(format)) {
    return { kind: "text" };
  }
  const schema = property(format, "schema");
  if (property(format, "type") !== "json_schema" || !isObject(schema)) {
    throw invalid("output_config.format: Input should be of type 'json_schema' with a schema");
  }
  return { kind: "schema", schema };
}

function stopsOf(stops: unknown): readonly string[] {
  if (!isGiven(stops)) {
    return [];
  }
  const texts = isArray(stops) ? stops.filter((stop) => typeof stop === "string") : [];
  if (!isArray(stops) || texts.length !== stops.length) {
    throw invalid("stop_sequences: Input should be a valid list of strings");
  }
  if (texts.some((text) => text.trim() === "")) {
    throw invalid("stop_sequences: each stop sequence must contain non-whitespace");
  }
  return texts;
}

function thinkingTokensOf(thinking: unknown, maxTokens: number): number {
  const type = property(thinking, "type") ?? "disabled";
  if (type === "disabled") {
    return 0;
  }
  if (type !== "enabled") {
    return THINKING_TOKENS;
  }
  const budget = property(thinking, "budget_tokens");
  if (typeof budget !== "number" || budget < MIN_THINKING_BUDGET) {
    throw invalid(
      `thinking.enabled.budget_tokens: Input should be greater than or equal to ${MIN_THINKING_BUDGET}`,
    );
  }
  if (budget >= maxTokens) {
    throw invalid(
      "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
    );
  }
  return THINKING_TOKENS;
}

function toolSegments(tools: unknown): readonly Segment[] {
  return isArray(tools)
    ? tools.map((tool) => blockSegment(tool, countTokens(JSON.stringify(tool))))
    : [];
}

function systemSegments(system: unknown): readonly Segment[] {
  const blocks = isArray(system) ? system : [system].filter(isGiven);
  return blocks.map((block) => {
    const text = typeof block === "string" ? block : textOrEmpty(property(block, "text"));
    return blockSegment(block, countTokens(text));
  });
}

/** `cache_control` of the whole request marks its last block. */
function cached(segments: readonly Segment[], isAutomatic: boolean): readonly Segment[] {
  const last = segments.at(-1);
  return isAutomatic && last !== undefined
    ? [...segments.slice(0, -1), { ...last, breakpoint: true }]
    : segments;
}
