import type { Dialect, Headers } from "./dialect.ts";
import { lineEndOf } from "./dialect.ts";
import { textOrEmpty } from "./json-value.ts";
import { openaiAnswer } from "./openai-answer.ts";
import { dataEvent, encodeOpenaiStream } from "./openai-encode-stream.ts";
import { openaiRefusal, openaiStreamError } from "./openai-errors.ts";
import { validateOpenaiRequest } from "./openai-validate-request.ts";
import type { Profile } from "./profile.ts";
import type { RateReading } from "./rate-window.ts";
import { RefusedRequest } from "./refusal.ts";

/** OpenAI chat.completions, with the quirks of the servers that copy it. */
export const openaiDialect: Dialect = {
  completionPath: "/chat/completions",
  requestId: { header: "x-request-id", prefix: "req_" },
  /** Bearer, or Azure's own header. */
  keyOf: (headers) =>
    /^Bearer\s+(\S+)$/i.exec(textOrEmpty(headers.authorization))?.[1] ??
    (textOrEmpty(headers["api-key"]) || undefined),
  parse(body, headers, profile) {
    const contentType = textOrEmpty(headers["content-type"]);
    if (!/^application\/json\b/i.test(contentType)) {
      throw new RefusedRequest({
        kind: "badRequest",
        status: 415,
        message: `Unsupported content type: '${contentType}'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: ${contentType}'. Please try again with a supported content type.`,
        code: "unsupported_content_type",
      });
    }
    const request = validateOpenaiRequest(body, profile);
    const lineEnd = lineEndOf(profile);
    return {
      prompt: request.prompt,
      isStream: request.isStream,
      answer: (completion) => openaiAnswer(request, completion),
      stream: (completion) => encodeOpenaiStream(request, completion),
      streamError: () => dataEvent(JSON.stringify(openaiStreamError), lineEnd),
      brokenEvent: () => dataEvent('{"id":"chatcmpl-broken","choices":[{"index":0,"del', lineEnd),
    };
  },
  refuse: openaiRefusal,
  rateHeaders,
  listModels: (id, created) => ({
    object: "list",
    data: [{ id, object: "model", created, owned_by: "simulator" }],
  }),
};

function rateHeaders(profile: Profile, reading: RateReading): Headers {
  const reset = goDuration(reading.resetMs);
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
  return limit === 0
    ? {}
    : {
        [`x-ratelimit-limit-${unit}`]: String(limit),
        [`x-ratelimit-remaining-${unit}`]: String(Math.max(0, limit - used)),
        [`x-ratelimit-reset-${unit}`]: reset,
      };
}

/** "20ms", "1s", "1m0s", as Go's time.Duration prints. */
function goDuration(ms: number): string {
  if (ms < 1_000) {
    return `${Math.ceil(ms)}ms`;
  }
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
