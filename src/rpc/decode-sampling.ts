import type { JsonObject } from "@bufbuild/protobuf";
import type {
  ReasoningConfig as WireReasoning,
  SamplingParams as WireSampling,
} from "../../gen/atlas/v1/completion_pb.ts";
import type { ReasoningConfig, SamplingParams } from "../domain/completion.ts";
import type { Violations } from "./violations.ts";
import { effortFromWire } from "./wire-enums.ts";

const MAX_STOPS = 16;
const MAX_STOP_CHARS = 1_024;
const MAX_EXTENSION_CHARS = 65_536;
const MAX_EXTENSION_DEPTH = 16;

/** Everything left to the provider. */
export const NO_SAMPLING: SamplingParams = {
  temperature: undefined,
  topP: undefined,
  topK: undefined,
  minP: undefined,
  maxOutputTokens: undefined,
  stop: [],
  seed: undefined,
  frequencyPenalty: undefined,
  presencePenalty: undefined,
  repetitionPenalty: undefined,
  candidateCount: undefined,
  topLogprobs: undefined,
};

/** Inclusive bounds and how they are told. `min` may be just above the bound that is told. */
type Range = { readonly min: number; readonly max: number; readonly rule: string };

const MAX_INT32 = 2_147_483_647;
const temperatureRange: Range = { min: 0, max: 2, rule: "must be between 0 and 2" };
const shareAboveZero: Range = {
  min: Number.MIN_VALUE,
  max: 1,
  rule: "must be above 0 and at most 1",
};
const shareRange: Range = { min: 0, max: 1, rule: "must be between 0 and 1" };
const penaltyRange: Range = { min: -2, max: 2, rule: "must be between -2 and 2" };
const repetitionRange: Range = {
  min: Number.MIN_VALUE,
  max: 2,
  rule: "must be above 0 and at most 2",
};
const atLeastOne: Range = { min: 1, max: MAX_INT32, rule: "must be at least 1" };
const candidatesRange: Range = { min: 1, max: 16, rule: "must be between 1 and 16" };
const logprobsRange: Range = { min: 0, max: 20, rule: "must be between 0 and 20" };

export function decodeSampling(
  wire: WireSampling | undefined,
  violations: Violations,
): SamplingParams {
  if (wire === undefined) {
    return NO_SAMPLING;
  }
  const check = (name: string, value: number | undefined, range: Range) => {
    // Written so that NaN fails.
    if (value !== undefined && !(value >= range.min && value <= range.max)) {
      violations.add(`spec.sampling.${name}`, range.rule);
    }
    return value;
  };
  const checkFloat = (name: string, value: number | undefined, range: Range) =>
    decimalOf(check(name, value, range));
  checkStops(wire.stop, violations);
  return {
    temperature: checkFloat("temperature", wire.temperature, temperatureRange),
    topP: checkFloat("top_p", wire.topP, shareAboveZero),
    topK: check("top_k", wire.topK, atLeastOne),
    minP: checkFloat("min_p", wire.minP, shareRange),
    maxOutputTokens: check("max_output_tokens", wire.maxOutputTokens, atLeastOne),
    stop: wire.stop,
    seed: wire.seed,
    frequencyPenalty: checkFloat("frequency_penalty", wire.frequencyPenalty, penaltyRange),
    presencePenalty: checkFloat("presence_penalty", wire.presencePenalty, penaltyRange),
    repetitionPenalty: checkFloat("repetition_penalty", wire.repetitionPenalty, repetitionRange),
    candidateCount: check("candidate_count", wire.candidateCount, candidatesRange),
    topLogprobs: check("top_logprobs", wire.topLogprobs, logprobsRange),
  };
}

/**
 * The decimal the caller wrote: a 32-bit float of 0.7 reads as 0.699999988079071, which providers
 * would be sent. Seven digits are within the precision of the type.
 */
function decimalOf(float: number | undefined): number | undefined {
  if (float === undefined) {
    return undefined;
  }
  // Nearly all are written with few digits, and arithmetic is cheaper than text.
  const short = Math.round(float * 10_000) / 10_000;
  return Math.fround(short) === float ? short : Number(float.toPrecision(7));
}

function checkStops(stops: readonly string[], violations: Violations): void {
  if (stops.length > MAX_STOPS) {
    violations.add("spec.sampling.stop", `must have at most ${MAX_STOPS} texts`);
    return;
  }
  for (const [index, stop] of stops.entries()) {
    if (stop === "" || stop.length > MAX_STOP_CHARS) {
      violations.add(`spec.sampling.stop[${index}]`, `must have 1 to ${MAX_STOP_CHARS} characters`);
    }
  }
}

export function decodeReasoning(
  wire: WireReasoning | undefined,
  violations: Violations,
): ReasoningConfig | undefined {
  if (wire === undefined) {
    return undefined;
  }
  const effort = effortFromWire[wire.effort];
  if (effort === undefined && wire.effort !== 0) {
    violations.add("spec.reasoning.effort", "must be one of the defined efforts");
  }
  if (wire.maxTokens !== undefined && wire.maxTokens < 1) {
    violations.add("spec.reasoning.max_tokens", "must be at least 1");
  }
  return { effort, maxTokens: wire.maxTokens, includeInResponse: wire.includeInResponse };
}

/**
 * Keys of request bodies that the spec has a field for, or that decide about price, identity or the
 * way of the answer. Passed through, they would undo what was checked, planned and billed.
 */
const forbiddenExtensions: ReadonlySet<string> = new Set([
  "model",
  "models",
  "messages",
  "system",
  "prompt",
  "input",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "functions",
  "function_call",
  "response_format",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "stop_sequences",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "n",
  "logprobs",
  "top_logprobs",
  "reasoning",
  "reasoning_effort",
  "thinking",
  "service_tier",
  "provider",
  "route",
  "api_key",
  "authorization",
  "__proto__",
  "constructor",
  "prototype",
]);

export function decodeExtensions(
  extensions: JsonObject | undefined,
  violations: Violations,
): Readonly<Record<string, unknown>> | undefined {
  if (extensions === undefined) {
    return undefined;
  }
  const path = "spec.provider_extensions";
  const keys = Object.keys(extensions);
  for (const key of keys) {
    if (forbiddenExtensions.has(key.toLowerCase())) {
      violations.add(path, `must not have the key ${key}`);
    }
  }
  if (depthOf(extensions) > MAX_EXTENSION_DEPTH) {
    violations.add(path, `must be nested at most ${MAX_EXTENSION_DEPTH} deep`);
  } else if (!isAllFinite(extensions)) {
    // A provider would get null in its place.
    violations.add(path, "must have no numbers that are not finite");
  } else if (JSON.stringify(extensions).length > MAX_EXTENSION_CHARS) {
    violations.add(path, `must have at most ${MAX_EXTENSION_CHARS} characters as JSON`);
  }
  return keys.length === 0 ? undefined : extensions;
}

function isAllFinite(value: unknown): boolean {
  return typeof value === "object" && value !== null
    ? Object.values(value).every(isAllFinite)
    : typeof value !== "number" || Number.isFinite(value);
}

/** Stops counting just past the limit, so hostile nesting cannot exhaust the stack. */
function depthOf(value: unknown, above = 0): number {
  if (typeof value !== "object" || value === null || above > MAX_EXTENSION_DEPTH) {
    return above;
  }
  return Object.values(value).reduce<number>(
    (deepest, inner) => Math.max(deepest, depthOf(inner, above + 1)),
    above + 1,
  );
}
