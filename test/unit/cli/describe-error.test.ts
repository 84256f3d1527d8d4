import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, encodeBinaryHeader } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { UsageSchema } from "../../../gen/atlas/v1/types_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { describeError } from "../../../src/cli/describe-error.ts";

describe("describeError()", () => {
  it("collects every detail, whatever its order", () => {
    const error = new ConnectError("no", Code.ResourceExhausted, undefined, [
      { desc: RetryInfoSchema, value: { retryDelay: durationFromMs(1_500) } },
      {
        desc: BadRequestSchema,
        value: { fieldViolations: [{ field: "spec.model", description: "is empty" }] },
      },
      {
        desc: PreconditionFailureSchema,
        value: { violations: [{ type: "T", subject: "s", description: "d" }] },
      },
      {
        desc: QuotaFailureSchema,
        value: { violations: [{ subject: "tenant", description: "used up" }] },
      },
      {
        desc: ResourceInfoSchema,
        value: { resourceType: "model", resourceName: "a/b", description: "unknown" },
      },
      {
        desc: ErrorInfoSchema,
        value: { reason: "UPSTREAM_RATE_LIMITED", metadata: { endpointsTried: "2" } },
      },
    ]);
    expect(describeError(error)).toEqual({
      code: "RESOURCE_EXHAUSTED",
      reason: "UPSTREAM_RATE_LIMITED",
      message: "no",
      metadata: { endpointsTried: "2" },
      violations: [{ subject: "spec.model", description: "is empty" }],
      preconditions: [{ type: "T", subject: "s", description: "d" }],
      quotas: [{ subject: "tenant", description: "used up" }],
      resources: [{ type: "model", subject: "a/b", description: "unknown" }],
      retryAfterMs: 1_500,
      usage: undefined,
    });
  });

  it("knows the canonical name of every code", () => {
    const codes = Object.values(Code).filter((code) => typeof code === "number");
    const names = codes.map((code) => describeError(new ConnectError("", code)).code);
    expect(names).toHaveLength(16);
    expect(names).toContain("CANCELLED");
    expect(names.every((name) => /^[A-Z_]+$/.test(name))).toBe(true);
  });

  it("reads the tokens of a broken stream from its trailer", () => {
    const usage = create(UsageSchema, { visibleOutputTokens: 7n });
    const error = new ConnectError("broke", Code.Unavailable, {
      "atlas-usage-bin": encodeBinaryHeader(usage, UsageSchema),
    });
    expect(describeError(error).usage?.visibleOutputTokens).toBe(7n);
  });

  it("does without a trailer that cannot be read", () => {
    const error = new ConnectError("broke", Code.Unavailable, { "atlas-usage-bin": "AAAA" });
    expect(describeError(error).usage).toBeUndefined();
  });
});
