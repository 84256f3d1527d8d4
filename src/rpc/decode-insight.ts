import {
  type GetSpendRequest,
  type ListCallsRequest,
  ListCallsRequest_Kind,
} from "../../gen/atlas/v1/insight_service_pb.ts";
import {
  type CallFilter,
  type CallKind,
  type SpendDimension,
  type SpendQuery,
  spendFields,
} from "../domain/ledger.ts";
import { RouterError } from "../domain/router-error.ts";
import { msFromDuration } from "../wire/wire-time.ts";
import { createViolations, type Violations } from "./violations.ts";

const MAX_NAME_CHARS = 256;
const MIN_KEY_CHARS = 4;
/** Of a UUID; trace ids are shorter. */
const MAX_KEY_CHARS = 36;
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_TOP = 1_000;
const MAX_HOURS = 744;
const MAX_DIMENSIONS = 8;
const LABEL_PREFIX = "label:";

// Each decoder throws one `RouterError` with every violation of the request.

/** Beginning of a call's id, or a trace id, in lower case. */
export function decodeCallKey(id: string): string {
  const violations = createViolations();
  if (id.length < MIN_KEY_CHARS || id.length > MAX_KEY_CHARS) {
    violations.add("id", `must have ${MIN_KEY_CHARS} to ${MAX_KEY_CHARS} characters`);
  }
  throwIfAny(violations);
  return id.toLowerCase();
}

const kinds: Readonly<Record<ListCallsRequest_Kind, CallKind>> = {
  [ListCallsRequest_Kind.UNSPECIFIED]: "all",
  [ListCallsRequest_Kind.SLOW]: "slow",
  [ListCallsRequest_Kind.FAILED]: "failed",
  [ListCallsRequest_Kind.FALLBACK]: "fallback",
  [ListCallsRequest_Kind.REFUSED]: "refused",
};

export function decodeCallFilter(request: ListCallsRequest): CallFilter {
  const violations = createViolations();
  const { model, endpoint, operation, minDuration } = request;
  // A value from a later version of the API is not in the table.
  const kind: CallKind | undefined = kinds[request.kind];
  if (kind === undefined) {
    violations.add("kind", "must be one of the defined kinds");
  }
  for (const [field, name] of Object.entries({ model, endpoint, operation })) {
    if (name.length > MAX_NAME_CHARS) {
      violations.add(field, `must have at most ${MAX_NAME_CHARS} characters`);
    }
  }
  const minDurationMs = minDuration === undefined ? 0 : msFromDuration(minDuration);
  if (minDurationMs === undefined || minDurationMs < 0) {
    violations.add("min_duration", "must be 0 or more");
  }
  const limit = countOf("limit", request.limit, MAX_LIMIT, violations);
  throwIfAny(violations);
  return {
    kind: kind ?? "all",
    model,
    endpoint,
    operation,
    minDurationMs: minDurationMs ?? 0,
    limit,
  };
}

export function decodeSpendQuery(request: GetSpendRequest): Omit<SpendQuery, "nowMs"> {
  const violations = createViolations();
  const { hours, groupBy } = request;
  if (hours < 0 || hours > MAX_HOURS) {
    violations.add("hours", `must be from 0 to ${MAX_HOURS}`);
  }
  if (groupBy.length > MAX_DIMENSIONS || new Set(groupBy).size < groupBy.length) {
    violations.add("group_by", `must name at most ${MAX_DIMENSIONS}, each once`);
  }
  const dimensions: SpendDimension[] = [];
  for (const [index, text] of groupBy.slice(0, MAX_DIMENSIONS).entries()) {
    const dimension = dimensionOf(text);
    if (dimension === undefined) {
      const words = spendFields.join(", ");
      violations.add(`group_by[${index}]`, `must be one of ${words}, or label: and a key`);
    } else {
      dimensions.push(dimension);
    }
  }
  const top = countOf("top", request.top, MAX_TOP, violations);
  throwIfAny(violations);
  return { hours, groupBy: dimensions, top };
}

function dimensionOf(text: string): SpendDimension | undefined {
  const field = spendFields.find((name) => name === text);
  if (field !== undefined) {
    return { kind: "field", field };
  }
  const key = text.startsWith(LABEL_PREFIX) ? text.slice(LABEL_PREFIX.length) : "";
  return key === "" || key.length > MAX_NAME_CHARS ? undefined : { kind: "label", key };
}

function countOf(field: string, asked: number, max: number, violations: Violations): number {
  if (asked < 0) {
    violations.add(field, "must not be negative");
  }
  return asked === 0 ? DEFAULT_LIMIT : Math.min(asked, max);
}

function throwIfAny({ found }: Violations): void {
  const [first] = found;
  if (first !== undefined) {
    throw new RouterError("invalid-request", `${first.field} ${first.description}`, {
      violations: found,
    });
  }
}
