import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Code, type ConnectError, decodeBinaryHeader } from "@connectrpc/connect";
import { type Usage, UsageSchema } from "../../gen/atlas/v1/types_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";

/** One thing that stands against a call, and what it is about. */
export type ErrorItem = { readonly subject: string; readonly description: string };

/** A failed call in the words of `google.rpc`, without what the server did not say. */
export type ErrorDescription = {
  /** Canonical name: `FAILED_PRECONDITION`. */
  readonly code: string;
  /** Stable word of the error, such as `NO_ELIGIBLE_ENDPOINT`; empty when the server gave none. */
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Fields of the request with what is wrong with each. */
  readonly violations: readonly ErrorItem[];
  /** Constraints that could not be met. */
  readonly preconditions: readonly (ErrorItem & { readonly type: string })[];
  readonly quotas: readonly ErrorItem[];
  /** What was not found. */
  readonly resources: readonly (ErrorItem & { readonly type: string })[];
  /** When trying again can help at the soonest; absent when the server gives no hint. */
  readonly retryAfterMs: number | undefined;
  /** Tokens counted before a stream broke off. */
  readonly usage: Usage | undefined;
};

const codeNames: Readonly<Record<Code, string>> = {
  1: "CANCELLED",
  2: "UNKNOWN",
  3: "INVALID_ARGUMENT",
  4: "DEADLINE_EXCEEDED",
  5: "NOT_FOUND",
  6: "ALREADY_EXISTS",
  7: "PERMISSION_DENIED",
  8: "RESOURCE_EXHAUSTED",
  9: "FAILED_PRECONDITION",
  10: "ABORTED",
  11: "OUT_OF_RANGE",
  12: "UNIMPLEMENTED",
  13: "INTERNAL",
  14: "UNAVAILABLE",
  15: "DATA_LOSS",
  16: "UNAUTHENTICATED",
};

/** Trailer of a broken stream: a serialized `atlas.v1.Usage`. */
const USAGE_TRAILER = "atlas-usage-bin";

export function describeError(error: ConnectError): ErrorDescription {
  const info = error.findDetails(ErrorInfoSchema)[0];
  const retryDelay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    code: codeNames[error.code],
    reason: info?.reason ?? "",
    message: error.rawMessage,
    metadata: info?.metadata ?? {},
    violations: error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations)
      .map(({ field, description }) => ({ subject: field, description })),
    preconditions: error
      .findDetails(PreconditionFailureSchema)
      .flatMap(({ violations }) => violations)
      .map(({ type, subject, description }) => ({ type, subject, description })),
    quotas: error
      .findDetails(QuotaFailureSchema)
      .flatMap(({ violations }) => violations)
      .map(({ subject, description }) => ({ subject, description })),
    resources: error
      .findDetails(ResourceInfoSchema)
      .map(({ resourceType, resourceName, description }) => ({
        type: resourceType,
        subject: resourceName,
        description,
      })),
    retryAfterMs: retryDelay === undefined ? undefined : durationMs(retryDelay),
    usage: usageOf(error.metadata),
  };
}

function usageOf(metadata: ConnectError["metadata"]): Usage | undefined {
  const header = metadata.get(USAGE_TRAILER);
  if (header === null) {
    return undefined;
  }
  try {
    return decodeBinaryHeader(header, UsageSchema);
  } catch {
    // The call's own error matters more than a count that cannot be read.
    return undefined;
  }
}
