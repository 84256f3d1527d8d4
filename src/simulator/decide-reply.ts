/**
 * What a request gets, decided before anything is sent.
 *
 * The order is that of the real servers: the key, the path, the request itself, the model, the
 * limits, and only then a fault of the simulation, so that a bad request is a bad request whatever
 * the failure rates are. Faults and speed come from the endpoint's sequence, text from the request's
 * `seed` when it has one: repeating a call repeats its text and not its luck.
 */
import type { IncomingHttpHeaders } from "node:http";
import { type Answer, type Completion, completionTokensOf, type Usage } from "./completion.ts";
import { composeAnswer } from "./compose-answer.ts";
import type { ParsedRequest } from "./dialect.ts";
import type { Endpoint } from "./endpoint.ts";
import { drawFaults, type Faults, type Interruption } from "./faults.ts";
import type { JsonObject } from "./json-value.ts";
import { drawPace, type Pace } from "./pacing.ts";
import type { Profile } from "./profile.ts";
import { type Prompt, promptTokensOf } from "./prompt.ts";
import { createRandom, drawId, drawInteger, hashText } from "./random.ts";
import { type Refusal, RefusedRequest } from "./refusal.ts";

export type Incoming = {
  readonly method: string;
  /** Below the endpoint's base URL, such as `/chat/completions`. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** `undefined` when it is larger than the server takes. */
  readonly body: string | undefined;
};

export type Reply =
  | { readonly kind: "refusal"; readonly refusal: Refusal }
  | { readonly kind: "html" }
  | { readonly kind: "silence" }
  | { readonly kind: "json"; readonly body: JsonObject }
  | CompletionReply;

export type CompletionReply = {
  readonly kind: "completion";
  readonly request: ParsedRequest;
  readonly completion: Completion;
  readonly pace: Pace;
};

export type Surroundings = {
  /** Wall clock. */
  readonly nowMs: number;
  /** When set, requests with another key are refused. */
  readonly apiKey: string | undefined;
};

export function decideReply(
  endpoint: Endpoint,
  incoming: Incoming,
  surroundings: Surroundings,
): Reply {
  try {
    return replyTo(endpoint, incoming, surroundings);
  } catch (error) {
    if (error instanceof RefusedRequest) {
      return { kind: "refusal", refusal: error.refusal };
    }
    // A defect of the simulation must not end the process that the router shares with it.
    return { kind: "refusal", refusal: { kind: "serverError", status: 500 } };
  }
}

function replyTo(
  endpoint: Endpoint,
  { method, path, headers, body }: Incoming,
  { nowMs, apiKey }: Surroundings,
): Reply {
  const { dialect, spec } = endpoint;
  const key = dialect.keyOf(headers);
  if (apiKey !== undefined && key !== apiKey) {
    throw new RefusedRequest({ kind: "unauthorized", keyGiven: key !== undefined });
  }
  if (method === "GET" && path === "/models") {
    const body = dialect.listModels(spec.upstreamModel, Math.floor(nowMs / 1_000));
    return { kind: "json", body };
  }
  if (method !== "POST" || path !== dialect.completionPath) {
    throw new RefusedRequest({ kind: "unknownPath", method, path });
  }
  if (body === undefined) {
    throw new RefusedRequest({ kind: "tooLarge" });
  }
  const profile = endpoint.profile();
  const request = dialect.parse(parseJson(body), headers, profile);
  assertAdmitted(endpoint, request.prompt, nowMs);
  return complete(endpoint, request, nowMs);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // No dialect takes a request that is not an object, and each has its own words for it.
    return undefined;
  }
}

function assertAdmitted({ spec, stats, rates, profile }: Endpoint, prompt: Prompt, nowMs: number) {
  if (prompt.model !== spec.upstreamModel) {
    throw new RefusedRequest({ kind: "modelNotFound", model: prompt.model });
  }
  const { maxConcurrency, requestsPerMinute, tokensPerMinute } = profile();
  if (maxConcurrency > 0 && stats.read().open > maxConcurrency) {
    throw rateLimited("concurrency", 1);
  }
  const { requests, tokens, resetMs } = rates.read(nowMs);
  const waitSeconds = Math.ceil(resetMs / 1_000);
  if (requestsPerMinute > 0 && requests >= requestsPerMinute) {
    throw rateLimited("requests", waitSeconds);
  }
  if (tokensPerMinute > 0 && tokens >= tokensPerMinute) {
    throw rateLimited("tokens", waitSeconds);
  }
}

function rateLimited(
  limit: "concurrency" | "requests" | "tokens",
  waitSeconds: number,
): RefusedRequest {
  return new RefusedRequest({
    kind: "rateLimited",
    limit,
    headers: { "retry-after": String(waitSeconds) },
  });
}

function complete(endpoint: Endpoint, request: ParsedRequest, nowMs: number): Reply {
  const profile = endpoint.profile();
  const { prompt } = request;
  const faults = drawFaults(profile, endpoint.random);
  const pace = drawPace(profile, endpoint.random);
  const { interruption } = faults;
  if (interruption === "stallBeforeHeaders") {
    return { kind: "silence" };
  }
  if (interruption === "htmlError") {
    return { kind: "html" };
  }
  const refusal =
    refusalOf(interruption, { profile, prompt, nowMs }) ?? contextRefusal(prompt, profile);
  if (refusal !== undefined) {
    return { kind: "refusal", refusal };
  }
  const seed = seedOf(prompt, endpoint);
  const answers = answersOf(prompt, { profile, faults, seed });
  const usage = usageOf(prompt, answers, endpoint);
  endpoint.rates.add(usage.promptTokens + usage.completionTokens, nowMs);
  const completion: Completion = {
    id: drawId(endpoint.random, 24),
    model: prompt.model,
    createdSeconds: Math.floor(nowMs / 1_000),
    answers,
    usage,
    faults,
    profile,
    seed,
  };
  return { kind: "completion", request, completion, pace };
}

type Circumstances = {
  readonly profile: Profile;
  readonly prompt: Prompt;
  readonly nowMs: number;
};

/** The faults that are an error answer; the others spoil an answer under way. */
function refusalOf(
  interruption: Interruption | undefined,
  { profile, prompt, nowMs }: Circumstances,
): Refusal | undefined {
  switch (interruption) {
    case "unauthorized":
      return { kind: "unauthorized", keyGiven: true };
    case "quotaExhausted":
      return { kind: "quotaExhausted", code: profile.quotaExhausted.code };
    case "rateLimited": {
      const headers = retryHeaders(profile, nowMs);
      return { kind: "rateLimited", limit: "simulated", headers };
    }
    case "modelNotFound":
      return { kind: "modelNotFound", model: prompt.model };
    case "badRequest":
      return { kind: "badRequest", message: "Simulated bad request." };
    case "contextLengthExceeded":
      return contextRefusal(prompt, { contextLength: 0 });
    case "contentFilter":
      return profile.contentFilter.where === "prompt" ? { kind: "contentFilter" } : undefined;
    case "serverError":
      return { kind: "serverError", status: profile.serverError.status };
    default:
      return undefined;
  }
}

function retryHeaders({ rateLimited }: Profile, nowMs: number): Readonly<Record<string, string>> {
  const { retryAfterSeconds, retryAfterMs, retryAfterDate } = rateLimited;
  const date = new Date(nowMs + (retryAfterSeconds ?? 0) * 1_000).toUTCString();
  return {
    ...(retryAfterSeconds === null
      ? {}
      : { "retry-after": retryAfterDate ? date : String(retryAfterSeconds) }),
    ...(retryAfterMs === null ? {} : { "retry-after-ms": String(retryAfterMs) }),
  };
}

function contextRefusal(
  prompt: Prompt,
  { contextLength }: Pick<Profile, "contextLength">,
): Refusal | undefined {
  const promptTokens = promptTokensOf(prompt);
  const maxTokens = Number.isFinite(prompt.maxTokens) ? prompt.maxTokens : 0;
  return promptTokens + maxTokens > contextLength
    ? { kind: "contextLength", promptTokens, maxTokens, limit: contextLength }
    : undefined;
}

/** Of the whole prompt, so that streaming and the like do not change what is said. */
function seedOf({ seed, segments }: Prompt, { random }: Endpoint): number {
  return seed === undefined
    ? drawInteger(random, 0, 0xffff_ffff)
    : hashText(segments.map(({ key }) => key).join("\n"), seed);
}

type Writing = { readonly profile: Profile; readonly faults: Faults; readonly seed: number };

function answersOf(prompt: Prompt, { profile, faults, seed }: Writing): Completion["answers"] {
  const answerAt = (index: number): Answer => {
    const random = createRandom(seed + index);
    const answer = composeAnswer(prompt, profile.outputTokens, random);
    if (faults.emptyCompletion) {
      return { ...EMPTY, finish: "stop" };
    }
    return faults.interruption === "contentFilter" ? filtered(answer) : answer;
  };
  const others = Array.from({ length: prompt.choices - 1 }, (_, index) => answerAt(index + 1));
  return [answerAt(0), ...others];
}

const EMPTY = { reasoning: [], text: [], toolCalls: [], stopSequence: undefined } as const;

function filtered({ text }: Answer): Answer {
  const kept = text.slice(0, Math.ceil(text.length / 2));
  return { ...EMPTY, text: kept, finish: "content-filter" };
}

function usageOf(prompt: Prompt, answers: readonly Answer[], { profile, cache }: Endpoint): Usage {
  const { read, written } = profile().promptCache
    ? cache.take(prompt.segments)
    : { read: 0, written: 0 };
  return {
    promptTokens: promptTokensOf(prompt),
    cachedTokens: read,
    cacheWriteTokens: written,
    imageTokens: prompt.imageTokens,
    audioTokens: prompt.audioTokens,
    completionTokens: answers.reduce((sum, answer) => sum + completionTokensOf(answer), 0),
    reasoningTokens: answers.reduce((sum, { reasoning }) => sum + reasoning.length, 0),
  };
}
