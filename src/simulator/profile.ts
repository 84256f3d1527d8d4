/** Median and 95th percentile of a log-normal distribution; 0 <= p50 <= p95. */
export type Quantiles = { readonly p50: number; readonly p95: number };

/** `rate` is the probability, 0 to 1, that a valid request meets the failure. Default 0. */
export type Chance = { readonly rate: number };

/** A failure in mid-answer. `afterTokens` output tokens reach the client first; default 5, 0 = none. */
export type MidAnswerChance = Chance & { readonly afterTokens: number };

/** How one endpoint behaves. Every value has a default in `defaultProfile`. */
export type Profile = {
  /** Factor on every delay, 0 to 1,000. 1 is real time; 0 means no timers, one write per answer. */
  readonly timeScale: number;
  /** Milliseconds from the request to its first token, 0 to 600,000. Headers leave after half. */
  readonly firstTokenMs: Quantiles;
  /** Output speed after the first token, above 0 up to 100,000. p95 is the fast end. */
  readonly tokensPerSecond: Quantiles;
  /** Length of an answer that nothing else cuts or dictates, 0 to 1,000,000 tokens. */
  readonly outputTokens: Quantiles;
  /** Prompt plus requested output that fits, in tokens, 1 to 100,000,000. */
  readonly contextLength: number;
  /** Open requests above which the endpoint answers 429; 0 = unlimited. */
  readonly maxConcurrency: number;
  /** Enforced per calendar minute and reported in rate headers; 0 = unlimited, no headers. */
  readonly requestsPerMinute: number;
  /** As `requestsPerMinute`, in prompt plus output tokens. */
  readonly tokensPerMinute: number;
  /** Reports prefixes seen before as cached. */
  readonly promptCache: boolean;
  /** Takes the sampling parameters of self-hosted engines; false is as strict as api.openai.com. */
  readonly acceptsExtras: boolean;
  /** Output tokens per stream event, 1 to 1,000. */
  readonly tokensPerChunk: number;
  /** Splits every write into pieces of so many bytes, up to 1,000,000; 0 = whole writes. */
  readonly chunkBytes: number;

  /**
   * 429 that is worth a retry. The two waits are headers (`retry-after`, `retry-after-ms`), null
   * leaves one out; `retryAfterDate` writes `retry-after` as an HTTP date.
   */
  readonly rateLimited: Chance & {
    readonly retryAfterSeconds: number | null;
    readonly retryAfterMs: number | null;
    readonly retryAfterDate: boolean;
  };
  readonly serverError: Chance & { readonly status: 500 | 502 | 503 | 504 | 529 };
  /** A refusal that no retry mends. `code` in the OpenAI dialect; Anthropic knows two forms. */
  readonly quotaExhausted: Chance & { readonly code: QuotaCode };
  readonly unauthorized: Chance;
  readonly modelNotFound: Chance;
  readonly badRequest: Chance;
  readonly contextLengthExceeded: Chance;
  /** `prompt` refuses with a 400, `answer` cuts the answer with a finish reason. */
  readonly contentFilter: Chance & { readonly where: "prompt" | "answer" };
  /** An HTML page with status 502, as proxies send. */
  readonly htmlError: Chance;
  readonly stallBeforeHeaders: Chance;
  /** Headers and then silence. */
  readonly stallBeforeFirstToken: Chance;
  readonly stallMidStream: MidAnswerChance;
  /** An `error` object after HTTP 200. With `afterTokens` 0 it precedes all content. */
  readonly errorInStream: MidAnswerChance;
  /** The socket is destroyed. */
  readonly cutConnection: MidAnswerChance;
  /** Broken JSON in one event; the events after it are whole. */
  readonly malformedChunk: MidAnswerChance;
  /** A complete answer without content. */
  readonly emptyCompletion: Chance;
  /** A stream that ends without `[DONE]` or `message_stop`. */
  readonly missingDone: Chance;
  readonly omitUsage: Chance;

  /** Ways in which servers of one dialect differ. The OpenAI dialect knows all of them. */
  readonly quirks: {
    /** CRLF line ends. */
    readonly crlf: boolean;
    /** `: keep-alive` comments spread over the wait for the first token, 0 to 1,000. */
    readonly keepAliveComments: number;
    /** Azure: first chunk without choices, with `prompt_filter_results`. */
    readonly promptFilterChunk: boolean;
    /** Azure, asynchronous filter: chunks whose choice has filter results and no delta. */
    readonly contentFilterChunks: boolean;
    /** Groq: id and usage in `x_groq`. */
    readonly groqUsage: boolean;
    /** `none` counts reasoning and hides it, as api.openai.com does. */
    readonly reasoningField: "reasoning_content" | "reasoning" | "none";
    /** vLLM: every tool call at index 0, each with an id of its own. */
    readonly toolCallsAtIndexZero: boolean;
    /** `flat` is SGLang; `numeric-code` is vLLM. */
    readonly errorBody: "nested" | "flat" | "numeric-code";
    /** Together: usage on the chunk with the finish reason, asked for or not. */
    readonly usageOnLastContent: boolean;
  };
};

export type QuotaCode =
  | "insufficient_quota"
  | "credit_balance_exhausted"
  | "organization_usage_limit_exceeded"
  | "organization_spend_limit_exceeded"
  | "project_spend_limit_exceeded"
  | "billing_error";

/** Part of a profile; groups are merged key by key. */
export type ProfilePatch = {
  readonly [K in keyof Profile]?: Profile[K] extends object ? Partial<Profile[K]> : Profile[K];
};

const never: Chance = { rate: 0 };
const neverMidAnswer: MidAnswerChance = { rate: 0, afterTokens: 5 };

/** A healthy mid-sized model: a third of a second to the first token, then faster than anyone reads. */
export const defaultProfile: Profile = {
  timeScale: 1,
  firstTokenMs: { p50: 350, p95: 900 },
  tokensPerSecond: { p50: 80, p95: 120 },
  outputTokens: { p50: 120, p95: 400 },
  contextLength: 128_000,
  maxConcurrency: 0,
  requestsPerMinute: 0,
  tokensPerMinute: 0,
  promptCache: false,
  acceptsExtras: true,
  tokensPerChunk: 1,
  chunkBytes: 0,
  rateLimited: { rate: 0, retryAfterSeconds: 1, retryAfterMs: null, retryAfterDate: false },
  serverError: { rate: 0, status: 500 },
  quotaExhausted: { rate: 0, code: "credit_balance_exhausted" },
  unauthorized: never,
  modelNotFound: never,
  badRequest: never,
  contextLengthExceeded: never,
  contentFilter: { rate: 0, where: "prompt" },
  htmlError: never,
  stallBeforeHeaders: never,
  stallBeforeFirstToken: never,
  stallMidStream: neverMidAnswer,
  errorInStream: neverMidAnswer,
  cutConnection: neverMidAnswer,
  malformedChunk: neverMidAnswer,
  emptyCompletion: never,
  missingDone: never,
  omitUsage: never,
  quirks: {
    crlf: false,
    keepAliveComments: 0,
    promptFilterChunk: false,
    contentFilterChunks: false,
    groqUsage: false,
    reasoningField: "reasoning_content",
    toolCallsAtIndexZero: false,
    errorBody: "nested",
    usageOnLastContent: false,
  },
};
