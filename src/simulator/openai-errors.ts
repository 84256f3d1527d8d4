import type { ErrorResponse, RefusalContext } from "./dialect.ts";
import type { JsonObject } from "./json-value.ts";
import type { BadRequest, Refusal } from "./refusal.ts";

type OpenaiError = {
  readonly message: string;
  readonly type: string | null;
  readonly param: string | null;
  readonly code: string | null;
  /** Azure's details of a filtered prompt. */
  readonly innererror?: JsonObject;
};

const INVALID = "invalid_request_error";

/** `{"error":{message,type,param,code}}`, or the shape of the profile's `errorBody` quirk. */
export function openaiRefusal(refusal: Refusal, { profile }: RefusalContext): ErrorResponse {
  const status = statusOf(refusal);
  const headers = refusal.kind === "rateLimited" ? refusal.headers : {};
  const error = errorOf(refusal);
  switch (profile.quirks.errorBody) {
    case "flat":
      return { status, headers, body: { object: "error", ...error, code: status } };
    case "numeric-code":
      return { status, headers, body: { error: { ...error, code: status } } };
    case "nested":
      return { status, headers, body: { error } };
  }
}

/** An error in mid-stream. */
export const openaiStreamError: JsonObject = {
  error: {
    message:
      "The server had an error while processing your request. Sorry about that! You can retry your request.",
    type: "server_error",
    param: null,
    code: null,
  },
};

export const filterResults: JsonObject = {
  hate: { filtered: false, severity: "safe" },
  self_harm: { filtered: false, severity: "safe" },
  sexual: { filtered: false, severity: "safe" },
  violence: { filtered: false, severity: "safe" },
};

function statusOf(refusal: Refusal): number {
  switch (refusal.kind) {
    case "rateLimited":
      return 429;
    case "quotaExhausted":
      return refusal.code === "billing_error" ? 402 : 429;
    case "serverError":
      return refusal.status;
    case "unauthorized":
      return 401;
    case "modelNotFound":
    case "unknownPath":
      return 404;
    case "tooLarge":
      return 413;
    case "badRequest":
      return refusal.status ?? 400;
    case "contextLength":
    case "contentFilter":
      return 400;
  }
}

function errorOf(refusal: Refusal): OpenaiError {
  switch (refusal.kind) {
    case "rateLimited":
      return rateLimited(refusal.limit);
    case "serverError":
      return serverError(refusal.status);
    case "quotaExhausted":
      return quotaExhausted(refusal.code);
    case "unauthorized":
      return unauthorized(refusal.keyGiven);
    case "contentFilter":
      return contentFilter();
    case "modelNotFound":
      return badRequest(
        `The model \`${refusal.model}\` does not exist or you do not have access to it.`,
        { code: "model_not_found" },
      );
    case "contextLength":
      return badRequest(
        `This model's maximum context length is ${refusal.limit} tokens. However, you requested ${refusal.promptTokens + refusal.maxTokens} tokens (${refusal.promptTokens} in the messages, ${refusal.maxTokens} in the completion). Please reduce the length of the messages or completion.`,
        { param: "messages", code: "context_length_exceeded" },
      );
    case "unknownPath":
      return badRequest(`Invalid URL (${refusal.method} ${refusal.path})`);
    case "tooLarge":
      return badRequest("The request body is too large.");
    case "badRequest":
      return badRequest(refusal.message, refusal);
  }
}

function rateLimited(limit: string): OpenaiError {
  return {
    message: `Rate limit reached for the model on ${limit}. Please try again later.`,
    type: limit === "tokens" ? "tokens" : "requests",
    param: null,
    code: "rate_limit_exceeded",
  };
}

function quotaExhausted(code: string): OpenaiError {
  return {
    message:
      "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
    type: "insufficient_quota",
    param: null,
    code,
  };
}

function badRequest(
  message: string,
  { param, code }: Pick<BadRequest, "param" | "code"> = {},
): OpenaiError {
  return { message, type: INVALID, param: param ?? null, code: code ?? null };
}

function serverError(status: number): OpenaiError {
  const isOverload = status === 503 || status === 529;
  return {
    message: isOverload
      ? "The engine is currently overloaded, please try again later"
      : "The server had an error while processing your request. Sorry about that!",
    type: "server_error",
    param: null,
    code: status === 503 ? "server_overloaded" : null,
  };
}

function unauthorized(keyGiven: boolean): OpenaiError {
  return keyGiven
    ? {
        message:
          "Incorrect API key provided: ****. You can find your API key at https://platform.openai.com/account/api-keys.",
        type: INVALID,
        param: null,
        code: "invalid_api_key",
      }
    : {
        message:
          "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        type: INVALID,
        param: null,
        code: null,
      };
}

/** Azure's form; api.openai.com refuses in words of the model. */
function contentFilter(): OpenaiError {
  return {
    message:
      "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766",
    type: null,
    param: "prompt",
    code: "content_filter",
    innererror: {
      code: "ResponsibleAIPolicyViolation",
      content_filter_result: { ...filterResults, violence: { filtered: true, severity: "high" } },
    },
  };
}
