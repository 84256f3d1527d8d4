import type { Dialect } from "../domain/endpoint.ts";
import { dialectParameters, type Parameter } from "../domain/parameters.ts";
import type { EndpointEntry, ModelEntry, ProviderEntry } from "./catalog-schema.ts";

const toolParameters: readonly Parameter[] = [
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "tool_strict",
  "tool_result_media",
  "tool_result_error",
];

const schemaParameters: readonly Parameter[] = [
  "response_format_json_schema",
  "response_format_strict",
];

const reasoningParameters: readonly Parameter[] = ["reasoning_effort", "reasoning_max_tokens"];

type Entries = {
  readonly dialect: Dialect;
  readonly provider: ProviderEntry;
  readonly model: ModelEntry;
  readonly endpoint: EndpointEntry;
};

/**
 * What an endpoint takes: what it declares, else what its provider declares, else all its wire format
 * can carry; never more than that, and nothing its model, provider or own entry rules out.
 */
export function parametersOfEndpoint(entries: Entries): ReadonlySet<Parameter> {
  const { dialect, provider, model, endpoint } = entries;
  const carried = dialectParameters[dialect];
  const declared = new Set(endpoint.parameters ?? provider.parameters ?? carried);
  const ruledOut = new Set<Parameter>([
    ...provider.unsupportedParameters,
    ...model.unsupportedParameters,
    ...endpoint.unsupportedParameters,
    ...(model.supportsTools ? [] : toolParameters),
    ...(model.supportsStructuredOutput ? [] : schemaParameters),
    ...(model.supportsReasoning ? [] : reasoningParameters),
  ]);
  return new Set([...carried].filter((name) => declared.has(name) && !ruledOut.has(name)));
}
