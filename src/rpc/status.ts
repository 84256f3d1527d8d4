import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import type { Candidate } from "../domain/plan.ts";
import { RouterError, type RouterErrorCode } from "../domain/router-error.ts";
import { durationFromMs } from "../wire/wire-time.ts";

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html; Connect uses the same numbers. */
export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  "invalid-argument": 3,
  "deadline-exceeded": 4,
  "not-found": 5,
  "already-exists": 6,
  "permission-denied": 7,
  "resource-exhausted": 8,
  "failed-precondition": 9,
  aborted: 10,
  "out-of-range": 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  "data-loss": 15,
  unauthenticated: 16,
} as const satisfies Record<string, number>;

/** Of failures; success has no status to choose. */
export type GrpcCode = Exclude<(typeof grpcCodes)[keyof typeof grpcCodes], 0>;

type StatusRule = {
  readonly code: GrpcCode;
  /** `ErrorInfo.reason`; stable. */
  readonly reason: string;
  /** What a caller waits at least when the error itself does not say; absent: no retry can help. */
  readonly retryAfterMs?: number;
  /** A client's own automatic retry is called off, though the code invites it (gRFC A6). */
  readonly callsOffRetries?: true;
};

/** The only place that chooses codes. The README has the same table. */
export const statusRules: Readonly<Record<RouterErrorCode | WireErrorCode, StatusRule>> = {
  "invalid-request": { code: grpcCodes["invalid-argument"], reason: "INVALID_REQUEST" },
  "model-not-found": { code: grpcCodes["not-found"], reason: "MODEL_NOT_FOUND" },
  "endpoint-not-found": { code: grpcCodes["not-found"], reason: "ENDPOINT_NOT_FOUND" },
  "call-not-found": { code: grpcCodes["not-found"], reason: "CALL_NOT_FOUND" },
  "context-length-exceeded": {
    code: grpcCodes["invalid-argument"],
    reason: "CONTEXT_LENGTH_EXCEEDED",
  },
  "no-eligible-endpoint": {
    code: grpcCodes["failed-precondition"],
    reason: "NO_ELIGIBLE_ENDPOINT",
  },
  "eval-gate-failed": { code: grpcCodes["failed-precondition"], reason: "EVAL_GATE_FAILED" },
  "content-filtered": { code: grpcCodes["invalid-argument"], reason: "CONTENT_FILTERED" },
  "request-refused": { code: grpcCodes["invalid-argument"], reason: "REQUEST_REFUSED" },
  "duplicate-request": { code: grpcCodes["already-exists"], reason: "DUPLICATE_REQUEST" },
  "caller-too-slow": { code: grpcCodes["resource-exhausted"], reason: "CALLER_TOO_SLOW" },
  "deadline-exceeded": { code: grpcCodes["deadline-exceeded"], reason: "DEADLINE_EXCEEDED" },
  canceled: { code: grpcCodes.cancelled, reason: "CANCELED" },
  "upstream-rate-limited": {
    code: grpcCodes["resource-exhausted"],
    reason: "UPSTREAM_RATE_LIMITED",
    retryAfterMs: 1_000,
  },
  "upstream-unavailable": {
    code: grpcCodes.unavailable,
    reason: "UPSTREAM_UNAVAILABLE",
    retryAfterMs: 1_000,
  },
  "upstream-quota-exhausted": {
    code: grpcCodes.unavailable,
    reason: "UPSTREAM_QUOTA_EXHAUSTED",
    callsOffRetries: true,
  },
  "upstream-auth-failed": {
    code: grpcCodes.internal,
    reason: "UPSTREAM_AUTH_FAILED",
    callsOffRetries: true,
  },
  "stream-interrupted": {
    code: grpcCodes.unavailable,
    reason: "STREAM_INTERRUPTED",
    callsOffRetries: true,
  },
  "shutting-down": { code: grpcCodes.unavailable, reason: "SHUTTING_DOWN", retryAfterMs: 500 },
  internal: { code: grpcCodes.internal, reason: "INTERNAL" },
  "message-too-large": { code: grpcCodes["resource-exhausted"], reason: "MESSAGE_TOO_LARGE" },
  "headers-too-large": { code: grpcCodes["resource-exhausted"], reason: "HEADERS_TOO_LARGE" },
  "unknown-method": { code: grpcCodes.unimplemented, reason: "UNKNOWN_METHOD" },
  "unsupported-encoding": { code: grpcCodes.unimplemented, reason: "UNSUPPORTED_ENCODING" },
};

/** What goes wrong before a handler sees the call. */
export type WireErrorCode =
  | "message-too-large"
  | "headers-too-large"
  | "unknown-method"
  | "unsupported-encoding";

/** A failure of the transport, told in the same words as the router's own. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly code: WireErrorCode;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    code: WireErrorCode,
    message: string,
    metadata: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.code = code;
    this.metadata = metadata;
  }
}

/** A request whose bytes are not what they claim to be. */
export function undecodable(message: string): RouterError {
  return new RouterError("invalid-request", message, {
    violations: [{ field: "", description: message }],
  });
}

export function messageTooLarge(): WireError {
  return new WireError("message-too-large", "The request is larger than the server takes.");
}

export function headersTooLarge(): WireError {
  return new WireError("headers-too-large", "The headers are larger than the server takes.");
}

/** The end of the request did not arrive within its time. */
export function sentTooSlowly(): RouterError {
  return new RouterError("deadline-exceeded", "The request was not sent in time.", {
    metadata: { phase: "receiving" },
  });
}

/** One message of `google.rpc.Status.details`. */
export type Detail = { readonly desc: DescMessage; readonly value: MessageInitShape<DescMessage> };

export type WireStatus = {
  readonly code: GrpcCode;
  readonly message: string;
  readonly details: readonly Detail[];
  /** Sent beside the status. */
  readonly trailers: readonly (readonly [name: string, value: string])[];
};

/**
 * Bytes of text a status may carry. Clients refuse headers above a limit of their own, the smallest
 * known being 8 KiB (gRPC C-core), and base64 adds a third.
 */
const MAX_DETAIL_CHARS = 4_096;
const MAX_MESSAGE_CHARS = 512;
const MAX_VALUE_CHARS = 512;

const INTERNAL_MESSAGE = "internal error";

/** Translates whatever a handler threw. Only the two error classes may speak; the rest is `internal`. */
export function statusOf(error: unknown, domain: string): WireStatus {
  if (error instanceof RouterError) {
    return statusOfRouterError(error, domain);
  }
  if (error instanceof WireError) {
    const { code, reason } = statusRules[error.code];
    const info = errorInfo(reason, domain, error.metadata);
    return { code, message: clip(error.message, MAX_MESSAGE_CHARS), details: [info], trailers: [] };
  }
  const { code, reason } = statusRules.internal;
  return {
    code,
    message: INTERNAL_MESSAGE,
    details: [errorInfo(reason, domain, {})],
    trailers: [],
  };
}

/** Whether the error is a defect that must be logged, because the caller is told nothing of it. */
export function isDefect(error: unknown): boolean {
  return !(error instanceof RouterError || error instanceof WireError);
}

function statusOfRouterError(error: RouterError, domain: string): WireStatus {
  const rule = statusRules[error.code];
  const { violations = [], candidates = [], metadata = {} } = error.details;
  const budget: Budget = { chars: MAX_DETAIL_CHARS };
  const badRequest = badRequestOf(violations, budget);
  const precondition =
    rule.code === grpcCodes["failed-precondition"]
      ? preconditionOf(error, candidates, budget)
      : undefined;
  const omitted =
    violations.length -
    (badRequest?.shown ?? violations.length) +
    (candidates.length - (precondition?.shown ?? candidates.length));
  const facts = omitted === 0 ? metadata : { ...metadata, omitted: String(omitted) };
  const retryAfterMs = retryAfter(error, rule);
  const details: Detail[] = [errorInfo(rule.reason, domain, facts)];
  for (const { detail } of [badRequest, precondition].filter((found) => found !== undefined)) {
    details.push(detail);
  }
  if (error.code === "model-not-found") {
    details.push(resourceOf(error, "Model"));
  } else if (error.code === "endpoint-not-found") {
    details.push(resourceOf(error, "Endpoint"));
  }
  if (retryAfterMs !== undefined) {
    details.push(retryInfo(retryAfterMs));
  }
  return {
    code: rule.code,
    message: clip(error.message, MAX_MESSAGE_CHARS),
    details,
    trailers: retryTrailers(rule, retryAfterMs),
  };
}

/** Absent where waiting cannot help, whatever the error says. */
function retryAfter({ details }: RouterError, rule: StatusRule): number | undefined {
  return rule.retryAfterMs === undefined
    ? undefined
    : Math.ceil(Math.max(0, details.retryAfterMs ?? rule.retryAfterMs));
}

function retryTrailers(
  { callsOffRetries }: StatusRule,
  retryAfterMs: number | undefined,
): readonly (readonly [string, string])[] {
  if (callsOffRetries === true) {
    return [["grpc-retry-pushback-ms", "-1"]];
  }
  return retryAfterMs === undefined
    ? []
    : [
        ["retry-after-ms", String(retryAfterMs)],
        ["grpc-retry-pushback-ms", String(Math.min(retryAfterMs, MAX_INT32))],
      ];
}

const MAX_INT32 = 2_147_483_647;

type Budget = { chars: number };
type Shortened = { readonly detail: Detail; readonly shown: number };

function detailOf<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Detail {
  return { desc, value };
}

function errorInfo(
  reason: string,
  domain: string,
  metadata: Readonly<Record<string, string>>,
): Detail {
  const clipped: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata)) {
    clipped[key] = clip(value, MAX_VALUE_CHARS);
  }
  return detailOf(ErrorInfoSchema, { reason, domain, metadata: clipped });
}

function badRequestOf(
  violations: NonNullable<RouterError["details"]["violations"]>,
  budget: Budget,
): Shortened | undefined {
  if (violations.length === 0) {
    return undefined;
  }
  const fieldViolations = takeWithin(
    violations.map(({ field, description }) => ({
      field: clip(field, MAX_VALUE_CHARS),
      description: clip(description, MAX_VALUE_CHARS),
    })),
    budget,
  );
  return {
    detail: detailOf(BadRequestSchema, { fieldViolations }),
    shown: fieldViolations.length,
  };
}

/** One violation for each endpoint, with all that stands against it. */
function preconditionOf(
  error: RouterError,
  candidates: readonly Candidate[],
  budget: Budget,
): Shortened {
  const { reason } = statusRules[error.code];
  if (candidates.length === 0) {
    const violations = [{ type: reason, subject: "", description: clip(error.message, 512) }];
    return { detail: detailOf(PreconditionFailureSchema, { violations }), shown: 0 };
  }
  const violations = takeWithin(
    candidates.map(({ endpoint, rejections }) => ({
      type: rejections.map((rejection) => toUpperSnake(rejection.reason)).join(","),
      subject: endpoint.id as string,
      description: clip(rejections.map(({ detail }) => detail).join("; "), MAX_VALUE_CHARS),
    })),
    budget,
  );
  return {
    detail: detailOf(PreconditionFailureSchema, { violations }),
    shown: violations.length,
  };
}

/** The longest head of `items` whose texts fit the budget, and at least the first of them. */
function takeWithin<Item extends Readonly<Record<string, string>>>(
  items: readonly Item[],
  budget: Budget,
): Item[] {
  const taken: Item[] = [];
  for (const item of items) {
    budget.chars -= Object.values(item).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (budget.chars < 0 && taken.length > 0) {
      break;
    }
    taken.push(item);
  }
  return taken;
}

function resourceOf({ message, details }: RouterError, type: "Model" | "Endpoint"): Detail {
  const name = details.metadata?.[type === "Model" ? "model" : "endpoint"] ?? "";
  return detailOf(ResourceInfoSchema, {
    resourceType: `atlas.v1.${type}`,
    resourceName: clip(name, MAX_VALUE_CHARS),
    owner: "",
    description: clip(message, MAX_VALUE_CHARS),
  });
}

function retryInfo(retryAfterMs: number): Detail {
  return detailOf(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) });
}

function toUpperSnake(word: string): string {
  return word.toUpperCase().replaceAll("-", "_");
}

/** Lone surrogates are replaced, because neither protobuf nor a header can carry them. */
function clip(text: string, maxChars: number): string {
  const clipped = text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text;
  return clipped.toWellFormed();
}
