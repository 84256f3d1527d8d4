import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { UsageSchema, UsageSource } from "../../../gen/atlas/v1/types_pb.ts";
import type { ErrorDescription } from "../../../src/cli/describe-error.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import {
  renderError,
  renderErrorJson,
  renderLocalError,
  renderLocalErrorJson,
} from "../../../src/cli/render-error.ts";

const bare: ErrorDescription = {
  code: "UNAVAILABLE",
  reason: "",
  message: "nobody home",
  metadata: {},
  violations: [],
  preconditions: [],
  quotas: [],
  resources: [],
  retryAfterMs: undefined,
  usage: undefined,
};

const full: ErrorDescription = {
  code: "FAILED_PRECONDITION",
  reason: "NO_ELIGIBLE_ENDPOINT",
  message: "no endpoint\nis eligible\u001b[2J",
  metadata: { model: "a/b" },
  violations: [{ subject: "spec.sampling.top_p", description: "must be at most 1" }],
  preconditions: [{ type: "PRICE_ABOVE_LIMIT", subject: "azure/x", description: "$0.15" }],
  quotas: [{ subject: "tenant:red", description: "100 calls a minute" }],
  resources: [{ type: "atlas.v1.Model", subject: "a/b", description: "" }],
  retryAfterMs: 2_000,
  usage: create(UsageSchema, {
    freshInputTokens: 12n,
    visibleOutputTokens: 5n,
    source: UsageSource.PARTIAL,
  }),
};

const plain = createPaint(false);

describe("renderError()", () => {
  it("says it all in one line and each detail in another", () => {
    expect(renderError(full, plain)).toBe(
      `error: FAILED_PRECONDITION (NO_ELIGIBLE_ENDPOINT): no endpoint is eligible␛[2J
  spec.sampling.top_p: must be at most 1
  azure/x (PRICE_ABOVE_LIMIT): $0.15
  tenant:red: 100 calls a minute
  a/b (atlas.v1.Model)
  model: a/b
  counted until then: 12 in + 5 out tokens, partial
  try again in 2.00 s
`,
    );
  });

  it("does without details", () => {
    expect(renderError(bare, plain)).toBe("error: UNAVAILABLE: nobody home\n");
  });

  it("does not repeat a code that is its own reason", () => {
    const error = { ...bare, code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" };
    expect(renderError(error, plain)).toBe("error: DEADLINE_EXCEEDED: nobody home\n");
  });

  it("does not repeat its message in the details", () => {
    const violations = [{ subject: "spec.model", description: "is empty" }];
    const resources = [{ type: "atlas.v1.Model", subject: "a/b", description: "no model a/b" }];
    expect(renderError({ ...bare, message: "spec.model is empty", violations }, plain)).toBe(
      "error: UNAVAILABLE: spec.model is empty\n",
    );
    expect(renderError({ ...bare, message: "no model a/b", resources }, plain)).toBe(
      "error: UNAVAILABLE: no model a/b\n",
    );
  });

  it("shows a precondition without a type by its subject alone", () => {
    const error = { ...bare, preconditions: [{ type: "", subject: "azure/x", description: "" }] };
    expect(renderError(error, plain)).toContain("\n  azure/x\n");
  });
});

describe("renderErrorJson()", () => {
  it("is one line with every detail", () => {
    const text = renderErrorJson(full);
    expect(text).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(text)).toEqual({
      error: {
        code: "FAILED_PRECONDITION",
        reason: "NO_ELIGIBLE_ENDPOINT",
        message: "no endpoint\nis eligible\u001b[2J",
        metadata: { model: "a/b" },
        violations: [{ field: "spec.sampling.top_p", description: "must be at most 1" }],
        preconditions: [{ type: "PRICE_ABOVE_LIMIT", subject: "azure/x", description: "$0.15" }],
        quotas: [{ subject: "tenant:red", description: "100 calls a minute" }],
        resources: [{ type: "atlas.v1.Model", subject: "a/b", description: "" }],
        retryAfterMs: 2_000,
        usage: {
          freshInputTokens: "12",
          visibleOutputTokens: "5",
          source: "USAGE_SOURCE_PARTIAL",
        },
      },
    });
  });

  it("leaves out what the server did not say", () => {
    expect(JSON.parse(renderErrorJson(bare))).toEqual({
      error: { code: "UNAVAILABLE", message: "nobody home" },
    });
  });
});

describe("problems that no server told of", () => {
  it("keep their lines", () => {
    expect(renderLocalError("two problems\na: is\u001b x\nb: is y", plain)).toBe(
      "error: two problems\n  a: is␛ x\n  b: is y\n",
    );
  });

  it("read the same way", () => {
    expect(renderLocalError("cannot read x", plain)).toBe("error: cannot read x\n");
    expect(JSON.parse(renderLocalErrorJson("USAGE", "cannot read x"))).toEqual({
      error: { code: "USAGE", message: "cannot read x" },
    });
  });
});
