import type {
  CompletionSpec,
  FunctionTool,
  ReasoningConfig,
  ReasoningEffort,
  ToolChoice,
} from "../../domain/completion.ts";
import type { EncodeInput } from "../dialect-adapter.ts";
import { arrayText, objectTextOf, withMember } from "../json.ts";
import { createRequestMembers, type RequestMembers } from "../request-members.ts";
import { encodeMessages } from "./encode-message.ts";

/** The format's smallest budget of thinking tokens. */
const MIN_THINKING_TOKENS = 1_024;
/** Room for the answer behind a budget when the caller sets no limit. */
const ANSWER_TOKENS = 4_096;
/**
 * Limit of an answer that comes whole and has none from the caller: what the provider's own clients
 * allow, ten minutes of silence at its slowest pace, after which connections break.
 */
const MAX_WHOLE_TOKENS = 21_333;

const EMPTY_SCHEMA = JSON.stringify({ type: "object", properties: {} });

/** Body of a Messages request. Throws `UnencodableRequest`. */
export function encodeRequest({ endpoint, spec, stream }: EncodeInput): string {
  const members = createRequestMembers(endpoint.parameters);
  const { messages, system } = encodeMessages(spec.messages, endpoint.parameters);
  const maxTokens = maxTokensOf(members, { endpoint, spec, stream });
  members.set("model", endpoint.upstreamModel);
  members.set("max_tokens", maxTokens);
  if (stream) {
    members.set("stream", true);
  }
  members.setText("messages", messages);
  if (system !== undefined) {
    members.setText("system", system);
  }
  const { sampling } = spec;
  members.setIf("temperature", "temperature", sampling.temperature);
  members.setIf("top_p", "top_p", sampling.topP);
  members.setIf("top_k", "top_k", sampling.topK);
  members.setIf("stop", "stop_sequences", sampling.stop.length > 0 ? sampling.stop : undefined);
  members.set("thinking", thinkingOf(members, spec.reasoning, maxTokens));
  setOutputConfig(members, spec);
  setTools(members, spec);
  return members.encode(spec.providerExtensions);
}

/**
 * `max_tokens` is required. Without a limit from the caller it is the endpoint's own, which for a whole
 * answer is bounded by the time a silent connection lasts. A budget of thinking always fits into it.
 */
function maxTokensOf(
  members: RequestMembers,
  { endpoint, spec, stream }: Omit<EncodeInput, "flavor">,
): number {
  const asked = spec.sampling.maxOutputTokens;
  if (asked !== undefined && members.takes("max_output_tokens")) {
    return asked;
  }
  const budget = members.takes("reasoning_max_tokens") ? (spec.reasoning?.maxTokens ?? 0) : 0;
  const limit = stream
    ? endpoint.maxOutputTokens
    : Math.max(MAX_WHOLE_TOKENS, budget + ANSWER_TOKENS);
  return Math.min(endpoint.maxOutputTokens, limit);
}

/** A budget wins over an effort; an effort lets the model choose how long it thinks. */
function thinkingOf(
  members: RequestMembers,
  reasoning: ReasoningConfig | undefined,
  maxTokens: number,
): unknown {
  const budget = members.takes("reasoning_max_tokens") ? reasoning?.maxTokens : undefined;
  if (budget !== undefined) {
    const fitting = Math.min(Math.max(budget, MIN_THINKING_TOKENS), maxTokens - 1);
    // A limit below the smallest budget leaves no room to think.
    return fitting < MIN_THINKING_TOKENS
      ? { type: "disabled" }
      : { type: "enabled", budget_tokens: fitting };
  }
  const effort = members.takes("reasoning_effort") ? reasoning?.effort : undefined;
  if (effort === undefined) {
    return undefined;
  }
  return effort === "none" ? { type: "disabled" } : { type: "adaptive" };
}

const efforts: Readonly<Record<ReasoningEffort, string | undefined>> = {
  none: undefined,
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "xhigh",
  max: "max",
};

function setOutputConfig(members: RequestMembers, spec: CompletionSpec): void {
  const { reasoning, responseFormat } = spec;
  const hasBudget = members.takes("reasoning_max_tokens") && reasoning?.maxTokens !== undefined;
  const effort =
    reasoning?.effort !== undefined && members.takes("reasoning_effort") && !hasBudget
      ? efforts[reasoning.effort]
      : undefined;
  let config = JSON.stringify({ effort });
  if (responseFormat.kind === "json-schema" && members.takes("response_format_json_schema")) {
    const schema = objectTextOf(responseFormat.schemaJson, "The response schema");
    const format = withMember(JSON.stringify({ type: "json_schema" }), "schema", schema);
    config = withMember(config, "format", format);
  }
  if (config !== "{}") {
    members.setText("output_config", config);
  }
}

/** Without tools a choice among them is an error. */
function setTools(members: RequestMembers, spec: CompletionSpec): void {
  if (spec.tools.length === 0 || !members.takes("tools")) {
    return;
  }
  const isStrict = members.takes("tool_strict");
  members.setText("tools", arrayText(spec.tools.map((tool) => toolText(tool, isStrict))));
  const choice = members.takes("tool_choice") ? spec.toolChoice : undefined;
  const parallel = members.takes("parallel_tool_calls") ? spec.parallelToolCalls : undefined;
  if (choice !== undefined || parallel !== undefined) {
    members.set("tool_choice", encodeToolChoice(choice ?? { kind: "auto" }, parallel));
  }
}

function toolText(tool: FunctionTool, takesStrict: boolean): string {
  const { name, description, strict, parametersJsonSchema } = tool;
  const head = JSON.stringify({
    name,
    ...(description !== "" && { description }),
    ...(strict !== undefined && takesStrict && { strict }),
  });
  const schema =
    parametersJsonSchema === ""
      ? EMPTY_SCHEMA
      : objectTextOf(parametersJsonSchema, "A tool's schema");
  return withMember(head, "input_schema", schema);
}

function encodeToolChoice(choice: ToolChoice, parallel: boolean | undefined): unknown {
  const parallelism = parallel === undefined ? {} : { disable_parallel_tool_use: !parallel };
  switch (choice.kind) {
    case "auto":
      return { type: "auto", ...parallelism };
    case "required":
      return { type: "any", ...parallelism };
    case "function":
      return { type: "tool", name: choice.name, ...parallelism };
    case "none":
      return { type: "none" };
    default:
      return choice satisfies never;
  }
}
