import type { CompletionSpec as WireSpec } from "../../gen/atlas/v1/completion_pb.ts";
import type { CompletionSpec } from "../domain/completion.ts";
import { decodeMessages } from "./decode-messages.ts";
import {
  decodeExtensions,
  decodeReasoning,
  decodeSampling,
  NO_SAMPLING,
} from "./decode-sampling.ts";
import { decodeResponseFormat, decodeToolChoice, decodeTools } from "./decode-tools.ts";
import type { SchemaCheck } from "./json-schema-check.ts";
import type { Violations } from "./violations.ts";

export const MAX_MODEL_CHARS = 256;

export type SpecRules = {
  readonly checkSchema: SchemaCheck;
  /** A plan can be made for a model alone. */
  readonly needsMessages: boolean;
};

/** Decodes what to generate and adds everything wrong with it to `violations`. */
export function decodeSpec(
  wire: WireSpec | undefined,
  { checkSchema, needsMessages }: SpecRules,
  violations: Violations,
): CompletionSpec {
  if (wire === undefined) {
    violations.add("spec", "is required");
    return EMPTY_SPEC;
  }
  if (wire.model === "" || wire.model.length > MAX_MODEL_CHARS) {
    violations.add("spec.model", `must have 1 to ${MAX_MODEL_CHARS} characters`);
  }
  if (needsMessages && wire.messages.length === 0) {
    violations.add("spec.messages", "must have at least one message");
  }
  const tools = decodeTools(wire.tools, checkSchema, violations);
  return {
    model: wire.model,
    messages: decodeMessages(wire.messages, violations),
    tools,
    toolChoice: decodeToolChoice(wire.toolChoice?.choice, tools, violations),
    parallelToolCalls: wire.parallelToolCalls,
    responseFormat: decodeResponseFormat(wire.responseFormat?.format, checkSchema, violations),
    sampling: decodeSampling(wire.sampling, violations),
    reasoning: decodeReasoning(wire.reasoning, violations),
    providerExtensions: decodeExtensions(wire.providerExtensions, violations),
  };
}

/** Stands in for a missing spec; the call never gets past its violations. */
const EMPTY_SPEC: CompletionSpec = {
  model: "",
  messages: [],
  tools: [],
  toolChoice: undefined,
  parallelToolCalls: undefined,
  responseFormat: { kind: "text" },
  sampling: NO_SAMPLING,
  reasoning: undefined,
  providerExtensions: undefined,
};
