import type { ErrorResponse, RefusalContext } from "./dialect.ts";
import type { JsonObject } from "./json-value.ts";
import type { Refusal } from "./refusal.ts";

type AnthropicError = {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly details?: JsonObject;
};

/** https://docs.anthropic.com/en/api/errors */
export function anthropicRefusal(refusal: Refusal, { requestId }: RefusalContext): ErrorResponse {
  const { status, ...error } = errorOf(refusal);
  return {
    status,
    headers: refusal.kind === "rateLimited" ? refusal.headers : {},
    body: { type: "error", error, request_id: requestId },
  };
}

/** An error in mid-stream. */
export const anthropicStreamError: JsonObject = {
  type: "error",
  error: { type: "overloaded_error", message: "Overloaded" },
};

function errorOf(refusal: Refusal): AnthropicError {
  switch (refusal.kind) {
    case "rateLimited":
      return {
        status: 429,
        type: "rate_limit_error",
        message: `This request would exceed the rate limit for your organization (${refusal.limit}). For details, refer to: https://docs.claude.com/en/api/rate-limits.`,
      };
    case "serverError":
      return serverError(refusal.status);
    case "quotaExhausted":
      return quotaExhausted(refusal.code === "billing_error");
    case "unauthorized":
      return {
        status: 401,
        type: "authentication_error",
        message: refusal.keyGiven ? "invalid x-api-key" : "x-api-key header is required",
      };
    case "modelNotFound":
      return { status: 404, type: "not_found_error", message: `model: ${refusal.model}` };
    case "unknownPath":
      return { status: 404, type: "not_found_error", message: "Not found" };
    case "contextLength":
      return invalid(contextMessage(refusal));
    case "contentFilter":
      return invalid("Output blocked by content filtering policy");
    case "tooLarge":
      return {
        status: 413,
        type: "request_too_large",
        message: "Request exceeds the maximum size",
      };
    case "badRequest":
      return invalid(refusal.message);
  }
}

function invalid(message: string): AnthropicError {
  return { status: 400, type: "invalid_request_error", message };
}

function contextMessage({
  promptTokens,
  maxTokens,
  limit,
}: Extract<Refusal, { readonly kind: "contextLength" }>): string {
  return promptTokens > limit
    ? `prompt is too long: ${promptTokens} tokens > ${limit} maximum`
    : `input length and \`max_tokens\` exceed context limit: ${promptTokens} + ${maxTokens} > ${limit}, decrease input length or \`max_tokens\` and try again`;
}

function serverError(status: number): AnthropicError {
  switch (status) {
    case 529:
    case 503:
      return { status, type: "overloaded_error", message: "Overloaded" };
    case 504:
      return { status, type: "timeout_error", message: "The request timed out" };
    default:
      return { status, type: "api_error", message: "Internal server error" };
  }
}

/** Both forms are final; the second looks like an ordinary rate limit without `retry-after`. */
function quotaExhausted(isBilling: boolean): AnthropicError {
  return isBilling
    ? {
        status: 402,
        type: "billing_error",
        message: "Your credit balance is too low to access the Anthropic API.",
      }
    : {
        status: 429,
        type: "rate_limit_error",
        message: "You have reached your specified API usage limits.",
        details: { error_code: "enforced_spend_limit_reached" },
      };
}
