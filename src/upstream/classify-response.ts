import { type Failure, type FailureKind, quotesProvider } from "../domain/outcome.ts";
import { NO_DETAILS, type ProviderError, providerErrorOf } from "./provider-error.ts";
import { type ResponseHeaders, retryAfterMsOf } from "./retry-after.ts";

/**
 * The one place that looks at status codes. Sources of the table: the error pages of the providers, of
 * which the codes say more than the status: a 429 is about credit when its code says so.
 */
export type RefusedResponse = {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** As far as it arrived. */
  readonly body: string;
};

/** `nowMs` is epoch milliseconds. The caller of this masks the message. */
export function classifyResponse(
  { status, headers, body }: RefusedResponse,
  nowMs: number,
): Failure {
  const error = isRedirect(status) ? NO_DETAILS : parseError(body);
  const kind = kindOf(status, error);
  return {
    kind,
    message: messageOf(kind, { status, error }),
    httpStatus: status,
    retryAfterMs: retryAfterMsOf(headers, nowMs),
  };
}

/** An error inside of an answer that began with 200. */
export function classifyErrorInBody(body: unknown): Failure {
  const error = providerErrorOf(body);
  const kind = kindOf(error.status, error);
  return { kind, message: messageOf(kind, { status: undefined, error }) };
}

const QUOTA_WORDS: ReadonlySet<string> = new Set([
  "insufficient_quota",
  "credit_balance_exhausted",
  "organization_usage_limit_exceeded",
  "organization_spend_limit_exceeded",
  "project_spend_limit_exceeded",
  "enforced_spend_limit_reached",
  "billing_error",
  "billing_not_active",
  "billing_hard_limit_reached",
  "insufficient_balance",
  "insufficient_credits",
]);
const FILTER_WORDS: ReadonlySet<string> = new Set([
  "content_filter",
  "content_filtered",
  "content_policy_violation",
  "responsibleaipolicyviolation",
  "data_inspection_failed",
]);
const CONTEXT_WORDS: ReadonlySet<string> = new Set([
  "context_length_exceeded",
  "context_window_exceeded",
  "model_context_window_exceeded",
]);
const MODEL_WORDS: ReadonlySet<string> = new Set([
  "model_not_found",
  "not_found_error",
  "notfounderror",
  "deploymentnotfound",
  "model_decommissioned",
]);
const RATE_WORDS: ReadonlySet<string> = new Set([
  "rate_limit_exceeded",
  "rate_limit_error",
  "ratelimiterror",
  "rate_limited",
  "too_many_requests",
  "slow_down",
  "tokens",
  "requests",
]);
const OVERLOAD_WORDS: ReadonlySet<string> = new Set([
  "overloaded_error",
  "overloaded",
  "engine_overloaded",
  "server_overloaded",
  "service_unavailable",
  "unavailable",
  "capacity_exceeded",
]);
const CREDENTIAL_WORDS: ReadonlySet<string> = new Set([
  "authentication_error",
  "permission_error",
  "invalid_api_key",
  "unauthorized",
]);
const REQUEST_WORDS: ReadonlySet<string> = new Set([
  "invalid_request_error",
  "badrequesterror",
  "request_too_large",
  "invalid_parameter_error",
]);

/** Providers that give no code for it. Anthropic sends 400 and a sentence. */
const QUOTA_MESSAGE = /credit balance is too low|insufficient (?:account )?balance|out of credits/i;
/** Anthropic again. */
const FILTER_MESSAGE = /blocked by content filtering policy|content management policy/i;
const CONTEXT_MESSAGE =
  /context (?:length|window|limit|size)|prompt is too long|input is too long|reduce the length of the (?:messages|prompt|input)|maximum (?:input|prompt) length/i;

/** By code where the code is certain, then by status, then by what is left of the codes. */
function kindOf(status: number | undefined, error: ProviderError): FailureKind {
  const { words } = error;
  const isRefusal = status === undefined || (status >= 400 && status < 500);
  if (isRefusal && (has(words, QUOTA_WORDS) || QUOTA_MESSAGE.test(error.message))) {
    return "quota-exhausted";
  }
  if (isRefusal && has(words, FILTER_WORDS)) {
    return "content-filter";
  }
  if (has(words, CONTEXT_WORDS)) {
    return "context-length";
  }
  if (status === undefined) {
    return kindOfWords(error);
  }
  return status >= 400 && status < 500 ? kindOfRefusal(status, error) : kindOfFault(status);
}

function kindOfRefusal(status: number, error: ProviderError): FailureKind {
  switch (status) {
    case 401:
    case 403:
      return has(error.words, MODEL_WORDS) ? "model-not-found" : "credentials";
    case 402:
      return "quota-exhausted";
    // A wrong path or method is a wrong base URL: like a missing model, it stays until someone mends it.
    case 404:
    case 405:
    case 410:
      return "model-not-found";
    case 408:
      return "first-token-timeout";
    // A conflict, a failed dependency, a request sent too early or dropped by the proxy: all its own.
    case 409:
    case 424:
    case 425:
    case 499:
      return "server-error";
    // 498 is Groq's flex tier at capacity.
    case 429:
    case 498:
      return "rate-limited";
    default:
      return kindOfBadRequest(error);
  }
}

function kindOfBadRequest({ words, message }: ProviderError): FailureKind {
  if (has(words, MODEL_WORDS)) {
    return "model-not-found";
  }
  if (FILTER_MESSAGE.test(message)) {
    return "content-filter";
  }
  return CONTEXT_MESSAGE.test(message) ? "context-length" : "bad-request";
}

function kindOfFault(status: number): FailureKind {
  return status === 503 || status === 529 ? "overloaded" : "server-error";
}

/** Order: a 429 can have the type of a bad request, never the other way round. */
function kindOfWords(error: ProviderError): FailureKind {
  const { words } = error;
  if (has(words, OVERLOAD_WORDS)) {
    return "overloaded";
  }
  if (has(words, RATE_WORDS)) {
    return "rate-limited";
  }
  if (has(words, CREDENTIAL_WORDS)) {
    return "credentials";
  }
  if (has(words, MODEL_WORDS)) {
    return "model-not-found";
  }
  return has(words, REQUEST_WORDS) ? kindOfBadRequest(error) : "server-error";
}

const texts: Readonly<Record<FailureKind, string>> = {
  "rate-limited": "The endpoint limits the rate of requests",
  "quota-exhausted": "The provider account has no credit left",
  overloaded: "The endpoint is overloaded",
  "connect-timeout": "The endpoint did not accept a connection in time",
  "first-token-timeout": "The endpoint did not begin its answer in time",
  "idle-timeout": "The endpoint stopped answering",
  "total-timeout": "The endpoint did not finish in time",
  network: "The connection to the endpoint broke",
  "server-error": "The endpoint failed",
  credentials: "The endpoint refused the router's credentials",
  "bad-request": "The endpoint refused the request",
  "context-length": "The request does not fit into the endpoint's context window",
  "content-filter": "The endpoint's content filter refused the request",
  "model-not-found": "The endpoint does not know the model",
  "malformed-response": "The endpoint sent an answer that cannot be read",
  canceled: "The caller left",
};

type Facts = { readonly status: number | undefined; readonly error: ProviderError };

/** Codes are words of an API. Anything else in their place could be a secret. */
const SAFE_WORD = /^[a-z][a-z_]{2,47}$/;

function messageOf(kind: FailureKind, { status, error }: Facts): string {
  if (quotesProvider.has(kind) && error.message !== "") {
    return error.message;
  }
  if (status !== undefined && isRedirect(status)) {
    return `The endpoint redirects (HTTP ${status}): its base URL is wrong.`;
  }
  const word = error.words.find((candidate) => SAFE_WORD.test(candidate));
  const facts = [status === undefined ? [] : [`HTTP ${status}`], word ?? []].flat();
  return facts.length === 0 ? `${texts[kind]}.` : `${texts[kind]} (${facts.join(", ")}).`;
}

function parseError(body: string): ProviderError {
  try {
    return providerErrorOf(JSON.parse(body));
  } catch {
    // HTML of a proxy, or nothing: only the status speaks.
    return NO_DETAILS;
  }
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function has(words: readonly string[], known: ReadonlySet<string>): boolean {
  return words.some((word) => known.has(word));
}
