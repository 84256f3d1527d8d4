import type {
  CallerLabels as WireCaller,
  CompletionSpec as WireSpec,
  StreamOptions as WireStreamOptions,
} from "../../gen/atlas/v1/completion_pb.ts";
import type { RoutingPolicy as WirePolicy } from "../../gen/atlas/v1/routing_pb.ts";
import type { CallerLabels, CompletionSpec } from "../domain/completion.ts";
import type { RoutingPolicy } from "../domain/policy.ts";
import { RouterError } from "../domain/router-error.ts";
import { msFromDuration } from "../wire/wire-time.ts";
import { decodeCaller, decodePolicy } from "./decode-policy.ts";
import { decodeSpec } from "./decode-spec.ts";
import { createSchemaCheck } from "./json-schema-check.ts";
import { createViolations, type Violations } from "./violations.ts";

/** What Route, Complete and StreamComplete have in common. */
export type WireRequest = {
  readonly spec?: WireSpec | undefined;
  readonly routing?: WirePolicy | undefined;
  readonly caller?: WireCaller | undefined;
  readonly requestId: string;
};

export type DecodedRequest = {
  readonly spec: CompletionSpec;
  readonly policy: RoutingPolicy;
  readonly caller: CallerLabels;
  /** The caller's UUID in lower case; empty when it gave none. */
  readonly requestId: string;
};

export type StreamSettings = {
  readonly continuousUsage: boolean;
  /** Milliseconds; absent joins what arrives in one burst, 0 never joins. */
  readonly coalesceMs: number | undefined;
  /** Absent: the router's own interval. */
  readonly heartbeatMs: number | undefined;
};

const MIN_HEARTBEAT_MS = 100;
const MAX_HEARTBEAT_MS = 60_000;
const MAX_COALESCE_MS = 1_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Decoders throw one `RouterError` with every violation of the request. */
export type RequestDecoder = {
  plan(request: WireRequest): DecodedRequest;
  call(request: WireRequest): DecodedRequest;
  stream(
    request: WireRequest & { readonly options?: WireStreamOptions | undefined },
  ): DecodedRequest & { readonly settings: StreamSettings };
};

/** Holds the schemas that have passed, see `json-schema-check.ts`. */
export function createRequestDecoder(): RequestDecoder {
  const checkSchema = createSchemaCheck();
  const planRules = { checkSchema, needsMessages: false, allowsBatch: true };
  const callRules = { checkSchema, needsMessages: true, allowsBatch: false };
  return {
    plan(request) {
      const violations = createViolations();
      const decoded = decode(request, planRules, violations);
      throwIfAny(violations);
      return decoded;
    },
    call(request) {
      const violations = createViolations();
      const decoded = decode(request, callRules, violations);
      throwIfAny(violations);
      return decoded;
    },
    stream(request) {
      const violations = createViolations();
      const decoded = decode(request, callRules, violations);
      const settings = decodeStreamOptions(request.options, violations);
      throwIfAny(violations);
      return { ...decoded, settings };
    },
  };
}

type Rules = Parameters<typeof decodeSpec>[1] & Parameters<typeof decodePolicy>[1];

function decode(request: WireRequest, rules: Rules, violations: Violations): DecodedRequest {
  const { requestId } = request;
  if (requestId !== "" && !UUID.test(requestId)) {
    violations.add("request_id", "must be a UUID");
  }
  return {
    spec: decodeSpec(request.spec, rules, violations),
    policy: decodePolicy(request.routing, rules, violations),
    caller: decodeCaller(request.caller, violations),
    requestId: requestId.toLowerCase(),
  };
}

function decodeStreamOptions(
  options: WireStreamOptions | undefined,
  violations: Violations,
): StreamSettings {
  const coalesceMs =
    options?.coalesceWindow === undefined ? undefined : msFromDuration(options.coalesceWindow);
  if (
    options?.coalesceWindow !== undefined &&
    !(coalesceMs !== undefined && coalesceMs >= 0 && coalesceMs <= MAX_COALESCE_MS)
  ) {
    violations.add("options.coalesce_window", "must be between 0 and 1 s");
  }
  const heartbeatMs =
    options?.heartbeatInterval === undefined
      ? undefined
      : msFromDuration(options.heartbeatInterval);
  if (
    options?.heartbeatInterval !== undefined &&
    !(
      heartbeatMs !== undefined &&
      heartbeatMs >= MIN_HEARTBEAT_MS &&
      heartbeatMs <= MAX_HEARTBEAT_MS
    )
  ) {
    violations.add("options.heartbeat_interval", "must be between 100 ms and 60 s");
  }
  return {
    continuousUsage: options?.continuousUsage ?? false,
    coalesceMs,
    heartbeatMs,
  };
}

function throwIfAny({ found, notes }: Violations): void {
  const [first] = found;
  if (first !== undefined) {
    const others = found.length === 1 ? "" : ` (and ${found.length - 1} more)`;
    throw new RouterError("invalid-request", `${first.field} ${first.description}${others}`, {
      violations: found,
      metadata: notes,
    });
  }
}
