import type {
  FunctionTool,
  ResponseFormat,
  SamplingParams,
  ToolChoice,
} from "../../domain/completion.ts";
import type { OpenaiFlavor } from "../connection.ts";
import type { EncodeInput } from "../dialect-adapter.ts";
import { arrayText, objectTextOf, withMember } from "../json.ts";
import { createRequestMembers, type RequestMembers } from "../request-members.ts";
import { encodeMessages } from "./encode-message.ts";

/** Body of a chat.completions request. Throws `UnencodableRequest` for schemas that are no objects. */
export function encodeRequest({ endpoint, spec, stream, flavor }: EncodeInput): string {
  const members = createRequestMembers(endpoint.parameters);
  members.set("model", endpoint.upstreamModel);
  members.set("messages", encodeMessages(spec.messages, { takes: endpoint.parameters, flavor }));
  if (stream) {
    members.set("stream", true);
    members.set("stream_options", { include_usage: true });
  }
  setSampling(members, spec.sampling, flavor);
  members.setIf("reasoning_effort", "reasoning_effort", spec.reasoning?.effort);
  setTools(members, spec);
  setFormat(members, spec.responseFormat);
  return members.encode(spec.providerExtensions);
}

function setSampling(
  members: RequestMembers,
  sampling: SamplingParams,
  flavor: OpenaiFlavor,
): void {
  members.setIf("temperature", "temperature", sampling.temperature);
  members.setIf("top_p", "top_p", sampling.topP);
  members.setIf("top_k", "top_k", sampling.topK);
  members.setIf("min_p", "min_p", sampling.minP);
  members.setIf("frequency_penalty", "frequency_penalty", sampling.frequencyPenalty);
  members.setIf("presence_penalty", "presence_penalty", sampling.presencePenalty);
  members.setIf("repetition_penalty", "repetition_penalty", sampling.repetitionPenalty);
  members.setIf("candidate_count", "n", sampling.candidateCount);
  members.setIf("stop", "stop", sampling.stop.length > 0 ? sampling.stop : undefined);
  members.setIf(
    "max_output_tokens",
    flavor === "openai" ? "max_completion_tokens" : "max_tokens",
    sampling.maxOutputTokens,
  );
  if (sampling.topLogprobs !== undefined) {
    members.setIf("top_logprobs", "logprobs", true);
    members.setIf("top_logprobs", "top_logprobs", sampling.topLogprobs || undefined);
  }
  if (sampling.seed !== undefined && members.takes("seed")) {
    members.setText("seed", sampling.seed.toString());
  }
}

type Tools = {
  readonly tools: readonly FunctionTool[];
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
};

/** Without tools the other members about them are errors. */
function setTools(members: RequestMembers, spec: Tools): void {
  if (spec.tools.length === 0 || !members.takes("tools")) {
    return;
  }
  const isStrict = members.takes("tool_strict");
  members.setText("tools", arrayText(spec.tools.map((tool) => toolText(tool, isStrict))));
  members.setIf("tool_choice", "tool_choice", encodeToolChoice(spec.toolChoice));
  members.setIf("parallel_tool_calls", "parallel_tool_calls", spec.parallelToolCalls);
}

function toolText(tool: FunctionTool, takesStrict: boolean): string {
  const { name, description, strict, parametersJsonSchema } = tool;
  const head = JSON.stringify({
    name,
    ...(description !== "" && { description }),
    ...(strict !== undefined && takesStrict && { strict }),
  });
  const definition =
    parametersJsonSchema === ""
      ? head
      : withMember(head, "parameters", objectTextOf(parametersJsonSchema, "A tool's schema"));
  return withMember(JSON.stringify({ type: "function" }), "function", definition);
}

function encodeToolChoice(choice: ToolChoice | undefined): unknown {
  return choice?.kind === "function"
    ? { type: "function", function: { name: choice.name } }
    : choice?.kind;
}

function setFormat(members: RequestMembers, format: ResponseFormat): void {
  if (format.kind === "json-object") {
    members.setIf("response_format_json_object", "response_format", { type: "json_object" });
  }
  if (format.kind === "json-schema" && members.takes("response_format_json_schema")) {
    const { name, strict, schemaJson } = format;
    const head = JSON.stringify({
      // The format wants a name.
      name: name === "" ? "response" : name,
      ...(strict !== undefined && members.takes("response_format_strict") && { strict }),
    });
    const schema = withMember(head, "schema", objectTextOf(schemaJson, "The response schema"));
    members.setText(
      "response_format",
      withMember(JSON.stringify({ type: "json_schema" }), "json_schema", schema),
    );
  }
}
