/**
 * How one attempt ended, seen from routing.
 *
 * Status codes, exceptions and timers are translated here once, at the edge. Past that point nothing
 * looks at a status code.
 */
export type Outcome = { readonly kind: "success" } | Failure;

export const SUCCESS: Outcome = { kind: "success" };

export type FailureKind =
  /** The endpoint asked for less traffic. */
  | "rate-limited"
  /** The account has no credit or hit its spend limit: waiting does not help. */
  | "quota-exhausted"
  | "overloaded"
  | "connect-timeout"
  | "first-token-timeout"
  | "idle-timeout"
  /** The caller's own deadline, or the policy's. */
  | "total-timeout"
  | "network"
  | "server-error"
  /** Our own key was refused. */
  | "credentials"
  /** Every endpoint would refuse this request. */
  | "bad-request"
  | "context-length"
  | "content-filter"
  | "model-not-found"
  /** Broken JSON or SSE, an empty answer, an adapter's defect. */
  | "malformed-response"
  /** The caller went away. */
  | "canceled";

export type Failure = {
  readonly kind: FailureKind;
  /** Safe to show to the caller: holds no secret, and text of the prompt only if it `quotesProvider`. */
  readonly message: string;
  readonly httpStatus?: number | undefined;
  readonly upstreamRequestId?: string | undefined;
  /** What the provider asked for. Absent: it said nothing. */
  readonly retryAfterMs?: number | undefined;
  /** False only when no byte of the request left this process. Default true. */
  readonly sent?: boolean;
  /** For logs. Never leaves the process. */
  readonly cause?: unknown;
};

/**
 * Kinds whose message is the provider's own sentence: it helps the caller, who can mend the request, and
 * may quote the prompt or the answer. So it is for the caller alone.
 */
export const quotesProvider: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "bad-request",
  "context-length",
  "content-filter",
]);

export type FailureTraits = {
  /** Whether another endpoint may be tried while nothing has reached the caller. */
  readonly elsewhere: "always" | "larger-context" | "never";
  /** What it says about the endpoint's health; `rate` is counted apart, `none` says nothing. */
  readonly evidence: "bad" | "rate" | "none";
  /** Whether it lowers the endpoint's concurrency limit. */
  readonly overload: boolean;
  /** What is switched off until the operator acts: everything with that key, or this endpoint. */
  readonly disables: "nothing" | "account" | "endpoint";
};

const providerFault: FailureTraits = {
  elsewhere: "always",
  evidence: "bad",
  overload: false,
  disables: "nothing",
};
const callersFault: FailureTraits = {
  elsewhere: "never",
  evidence: "none",
  overload: false,
  disables: "nothing",
};

/** The one table of what a failure means for the call and for its endpoint. */
export const failureTraits: Readonly<Record<FailureKind, FailureTraits>> = {
  "rate-limited": {
    elsewhere: "always",
    evidence: "rate",
    overload: true,
    disables: "nothing",
  },
  "quota-exhausted": {
    elsewhere: "always",
    evidence: "none",
    overload: false,
    disables: "account",
  },
  overloaded: { ...providerFault, overload: true },
  "connect-timeout": providerFault,
  "first-token-timeout": { ...providerFault, overload: true },
  "idle-timeout": providerFault,
  "total-timeout": callersFault,
  network: providerFault,
  "server-error": providerFault,
  credentials: { elsewhere: "always", evidence: "none", overload: false, disables: "account" },
  "bad-request": callersFault,
  "context-length": { ...callersFault, elsewhere: "larger-context" },
  "content-filter": callersFault,
  "model-not-found": {
    elsewhere: "always",
    evidence: "none",
    overload: false,
    disables: "endpoint",
  },
  "malformed-response": providerFault,
  canceled: callersFault,
};

/** Every kind, in the order of the public enumeration. */
export const failureKinds = Object.keys(failureTraits) as readonly FailureKind[];
