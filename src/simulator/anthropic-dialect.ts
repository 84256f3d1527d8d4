import { anthropicAnswer } from "./anthropic-answer.ts";
import { encodeAnthropicStream, namedEvent } from "./anthropic-encode-stream.ts";
import { anthropicRefusal, anthropicStreamError } from "./anthropic-errors.ts";
import { invalid } from "./anthropic-messages.ts";
import { validateAnthropicRequest } from "./anthropic-validate-request.ts";
import { type Dialect, type Headers, lineEndOf } from "./dialect.ts";
import { property, textOrEmpty } from "./json-value.ts";
import type { Profile } from "./profile.ts";
import type { RateReading } from "./rate-window.ts";

/** Anthropic Messages. */
export const anthropicDialect: Dialect = {
  completionPath: "/messages",
  requestId: { header: "request-id", prefix: "req_" },
  /** Either header: the official SDK sends its key as Bearer from version 1 on. */
  keyOf: (headers) =>
    (textOrEmpty(headers["x-api-key"]) || undefined) ??
    /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1],
  parse(body, headers, profile) {
    if (headers["anthropic-version"] === undefined) {
      throw invalid("anthropic-version: header is required");
    }
    if (!/^application\/json\b/i.test(textOrEmpty(headers["content-type"]))) {
      throw invalid("Content-Type: header must be application/json");
    }
    const request = validateAnthropicRequest(body);
    const lineEnd = lineEndOf(profile);
    const type = textOrEmpty(property(anthropicStreamError, "type"));
    return {
      prompt: request.prompt,
      isStream: request.isStream,
      answer: (completion) => anthropicAnswer(request, completion),
      stream: (completion) => encodeAnthropicStream(request, completion),
      streamError: () => namedEvent({ ...anthropicStreamError, type }, lineEnd),
      brokenEvent: () =>
        `event: content_block_delta${lineEnd}data: {"type":"content_block_delta","index":0,"del${lineEnd}${lineEnd}`,
    };
  },
  refuse: anthropicRefusal,
  rateHeaders,
  listModels: (id, createdSeconds) => ({
    data: [{ type: "model", id, display_name: id, created_at: rfc3339(createdSeconds * 1_000) }],
    has_more: false,
    first_id: id,
    last_id: id,
  }),
};

function rateHeaders(profile: Profile, reading: RateReading, nowMs: number): Headers {
  const reset = rfc3339(nowMs + reading.resetMs);
  return {
    ...limitHeaders("requests", profile.requestsPerMinute, { used: reading.requests, reset }),
    ...limitHeaders("tokens", profile.tokensPerMinute, { used: reading.tokens, reset }),
  };
}

function limitHeaders(
  unit: string,
  limit: number,
  { used, reset }: { readonly used: number; readonly reset: string },
): Headers {
  const name = `anthropic-ratelimit-${unit}`;
  return limit === 0
    ? {}
    : {
        [`${name}-limit`]: String(limit),
        [`${name}-remaining`]: String(Math.max(0, limit - used)),
        [`${name}-reset`]: reset,
      };
}

function rfc3339(ms: number): string {
  return new Date(Math.ceil(ms / 1_000) * 1_000).toISOString().replace(".000Z", "Z");
}
