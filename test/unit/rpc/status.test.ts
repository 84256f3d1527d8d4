import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { UNKNOWN_COST } from "../../../src/domain/money.ts";
import type { Candidate } from "../../../src/domain/plan.ts";
import {
  RouterError,
  type RouterErrorCode,
  routerErrors,
} from "../../../src/domain/router-error.ts";
import { encodeStatusDetails } from "../../../src/rpc/grpc-status.ts";
import { isDefect, statusOf, statusRules, WireError } from "../../../src/rpc/status.ts";
import { exampleEndpoint } from "../../support/examples.ts";

const DOMAIN = "atlas.internal";
const codes = Object.keys(routerErrors) as readonly RouterErrorCode[];

/** The public table: every code, its gRPC code and its reason. */
const table: Readonly<Record<RouterErrorCode, readonly [code: number, reason: string]>> = {
  "invalid-request": [3, "INVALID_REQUEST"],
  "model-not-found": [5, "MODEL_NOT_FOUND"],
  "endpoint-not-found": [5, "ENDPOINT_NOT_FOUND"],
  "call-not-found": [5, "CALL_NOT_FOUND"],
  "context-length-exceeded": [3, "CONTEXT_LENGTH_EXCEEDED"],
  "no-eligible-endpoint": [9, "NO_ELIGIBLE_ENDPOINT"],
  "eval-gate-failed": [9, "EVAL_GATE_FAILED"],
  "content-filtered": [3, "CONTENT_FILTERED"],
  "request-refused": [3, "REQUEST_REFUSED"],
  "duplicate-request": [6, "DUPLICATE_REQUEST"],
  "caller-too-slow": [8, "CALLER_TOO_SLOW"],
  "deadline-exceeded": [4, "DEADLINE_EXCEEDED"],
  canceled: [1, "CANCELED"],
  "upstream-rate-limited": [8, "UPSTREAM_RATE_LIMITED"],
  "upstream-unavailable": [14, "UPSTREAM_UNAVAILABLE"],
  "upstream-quota-exhausted": [14, "UPSTREAM_QUOTA_EXHAUSTED"],
  "upstream-auth-failed": [13, "UPSTREAM_AUTH_FAILED"],
  "stream-interrupted": [14, "STREAM_INTERRUPTED"],
  "shutting-down": [14, "SHUTTING_DOWN"],
  internal: [13, "INTERNAL"],
};

function detail(error: unknown, desc: { readonly typeName: string }) {
  return statusOf(error, DOMAIN).details.find((found) => found.desc.typeName === desc.typeName)
    ?.value;
}

function infoOf(error: unknown): ErrorInfo {
  return create(ErrorInfoSchema, detail(error, ErrorInfoSchema) ?? {});
}

const candidate = (id: string, text: string): Candidate => ({
  endpoint: exampleEndpoint(id),
  eligible: false,
  rejections: [
    { reason: "price-above-limit", detail: text, soft: false },
    { reason: "breaker-open", detail: "until later", soft: true },
  ],
  share: 0,
  terms: {},
  estimatedCost: UNKNOWN_COST,
  gate: "native",
  band: 0,
  cold: false,
  droppedParameters: [],
});

describe("statusOf()", () => {
  it.each(codes)("gives %s the one code and reason of the table", (code) => {
    const status = statusOf(new RouterError(code, "why"), DOMAIN);
    const [grpcCode, reason] = table[code];
    expect(status.code).toBe(grpcCode);
    expect(status.message).toBe("why");
    expect(infoOf(new RouterError(code, "why"))).toMatchObject({ reason, domain: DOMAIN });
  });

  it("gives no two codes the same reason", () => {
    const reasons = Object.values(statusRules).map(({ reason }) => reason);
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  it("writes reasons as AIP-193 asks", () => {
    for (const { reason } of Object.values(statusRules)) {
      expect(reason).toMatch(/^[A-Z][A-Z0-9_]+[A-Z0-9]$/);
      expect(reason.length).toBeLessThanOrEqual(63);
    }
  });

  it.each(codes)("gives %s each kind of detail at most once", (code) => {
    const error = new RouterError(code, "why", {
      violations: [{ field: "a", description: "b" }],
      candidates: [candidate("a", "x")],
      retryAfterMs: 5,
      metadata: { model: "m" },
    });
    const types = statusOf(error, DOMAIN).details.map(({ desc }) => desc.typeName);
    expect(new Set(types).size).toBe(types.length);
  });

  it("says nothing of what is no error of the router", () => {
    const status = statusOf(new Error("password=1"), DOMAIN);
    expect(status).toMatchObject({ code: 13, message: "internal error", trailers: [] });
    expect(infoOf("a string")).toMatchObject({ reason: "INTERNAL", metadata: {} });
    expect(isDefect(new Error("x"))).toBe(true);
    expect(isDefect(new RouterError("internal", "x"))).toBe(false);
  });

  it("tells errors of the transport in the same words", () => {
    const error = new WireError("message-too-large", "too large", { bytes: "9" });
    expect(statusOf(error, DOMAIN).code).toBe(8);
    expect(infoOf(error)).toMatchObject({ reason: "MESSAGE_TOO_LARGE", metadata: { bytes: "9" } });
    expect(isDefect(error)).toBe(false);
  });

  it("lists every violation", () => {
    const violations = [
      { field: "spec.model", description: "is missing" },
      { field: "request_id", description: "must be a UUID" },
    ];
    const error = new RouterError("invalid-request", "no", { violations });
    expect(detail(error, BadRequestSchema)).toMatchObject({ fieldViolations: violations });
  });

  it("names every endpoint with all that stands against it", () => {
    const error = new RouterError("no-eligible-endpoint", "none", {
      candidates: [candidate("a", "too dear")],
    });
    expect(detail(error, PreconditionFailureSchema)).toEqual({
      violations: [
        {
          type: "PRICE_ABOVE_LIMIT,BREAKER_OPEN",
          subject: "a",
          description: "too dear; until later",
        },
      ],
    });
  });

  it("says why also when no endpoint exists", () => {
    const error = new RouterError("no-eligible-endpoint", "no endpoints at all");
    expect(detail(error, PreconditionFailureSchema)).toEqual({
      violations: [
        { type: "NO_ELIGIBLE_ENDPOINT", subject: "", description: "no endpoints at all" },
      ],
    });
  });

  it("names the model that was not found", () => {
    const error = new RouterError("model-not-found", "no", { metadata: { model: "x/y" } });
    expect(detail(error, ResourceInfoSchema)).toMatchObject({ resourceName: "x/y" });
  });

  it("names the endpoint that was not found", () => {
    const error = new RouterError("endpoint-not-found", "no", { metadata: { endpoint: "x/y" } });
    expect(detail(error, ResourceInfoSchema)).toMatchObject({
      resourceType: "atlas.v1.Endpoint",
      resourceName: "x/y",
    });
  });

  it.each([
    { code: "upstream-rate-limited", given: 2_500, ms: "2500" },
    { code: "upstream-rate-limited", given: undefined, ms: "1000" },
    { code: "upstream-unavailable", given: 0.5, ms: "1" },
    { code: "upstream-unavailable", given: -5, ms: "0" },
    { code: "shutting-down", given: undefined, ms: "500" },
  ] as const)("tells to try $code again after $ms ms", ({ code, given, ms }) => {
    const details = given === undefined ? {} : { retryAfterMs: given };
    const error = new RouterError(code, "later", details);
    const { trailers } = statusOf(error, DOMAIN);
    expect(Object.fromEntries(trailers)).toEqual({
      "retry-after-ms": ms,
      "grpc-retry-pushback-ms": ms,
    });
    expect(detail(error, RetryInfoSchema)).toBeDefined();
  });

  it.each(["upstream-quota-exhausted", "upstream-auth-failed", "stream-interrupted"] as const)(
    "calls off automatic retries of %s",
    (code) => {
      const error = new RouterError(code, "no", { retryAfterMs: 5 });
      expect(statusOf(error, DOMAIN).trailers).toEqual([["grpc-retry-pushback-ms", "-1"]]);
      expect(detail(error, RetryInfoSchema)).toBeUndefined();
    },
  );

  it("never promises that a caller's mistake gets better", () => {
    const callers = codes.filter((code) => routerErrors[code].source === "caller");
    for (const code of callers) {
      const error = new RouterError(code, "no", { retryAfterMs: 5 });
      expect(statusOf(error, DOMAIN).trailers).toEqual([]);
    }
  });

  it("stays small enough for the headers of every client and says what is missing", () => {
    const candidates = Array.from({ length: 500 }, (_, index) =>
      candidate(`e${index}`, "x".repeat(900)),
    );
    const error = new RouterError("no-eligible-endpoint", "m".repeat(9_000), { candidates });
    const bytes = encodeStatusDetails(statusOf(error, DOMAIN));
    expect(Math.ceil((bytes.length * 4) / 3)).toBeLessThan(7_500);
    expect(Number(infoOf(error).metadata["omitted"])).toBeGreaterThan(400);
  });

  it("sends what protobuf can carry, whatever the text", () => {
    const error = new RouterError("internal", "half \ud83d", { metadata: { text: "\udc00" } });
    expect(() => encodeStatusDetails(statusOf(error, DOMAIN))).not.toThrow();
    expect(statusOf(error, DOMAIN).message).toBe("half \ufffd");
  });
});
