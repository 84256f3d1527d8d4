import { describe, expect, test } from "vitest";
import { callErrorOf } from "../../../src/attempt/call-error.ts";
import type { AttemptRecord } from "../../../src/domain/call.ts";
import { type Failure, type FailureKind, failureKinds } from "../../../src/domain/outcome.ts";
import { exampleEndpoint } from "../../support/examples.ts";

const failure = (kind: FailureKind, retryAfterMs?: number): Failure => ({
  kind,
  message: "why",
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});
const record = (id: string, outcome: Failure, httpStatus?: number): AttemptRecord => ({
  number: 1,
  endpoint: exampleEndpoint(id),
  startedAtMs: 0,
  durationMs: 1,
  firstTokenMs: undefined,
  outcome,
  httpStatus,
  upstreamRequestId: undefined,
  droppedParameters: [],
  streamed: true,
  upstreamModel: "",
});
const errorOf = (...outcomes: readonly Failure[]) =>
  callErrorOf(outcomes.at(-1) ?? failure("network"), {
    attempts: outcomes.map((outcome, index) => record(`e${index}`, outcome)),
    endpoint: exampleEndpoint(`e${outcomes.length - 1}`).id,
    committed: false,
    outputTokens: 0,
  });

describe("callErrorOf()", () => {
  test.each<readonly [FailureKind, string]>([
    ["rate-limited", "upstream-rate-limited"],
    ["quota-exhausted", "upstream-quota-exhausted"],
    ["credentials", "upstream-auth-failed"],
    ["bad-request", "request-refused"],
    ["context-length", "context-length-exceeded"],
    ["content-filter", "content-filtered"],
    ["total-timeout", "deadline-exceeded"],
    ["canceled", "canceled"],
    ["model-not-found", "upstream-unavailable"],
    ["server-error", "upstream-unavailable"],
    ["first-token-timeout", "upstream-unavailable"],
  ])("tells %s as %s when every attempt ended so", (kind, code) => {
    expect(errorOf(failure(kind), failure(kind)).code).toBe(code);
  });

  test("blames no single cause when the attempts failed for different ones", () => {
    expect(errorOf(failure("server-error"), failure("credentials")).code).toBe(
      "upstream-unavailable",
    );
  });

  test.each(failureKinds.filter((kind) => kind !== "canceled" && kind !== "total-timeout"))(
    "calls %s after content an interrupted stream",
    (kind) => {
      const error = callErrorOf(failure(kind), {
        attempts: [record("e0", failure(kind))],
        endpoint: exampleEndpoint("e0").id,
        committed: true,
        outputTokens: 10,
      });
      expect(error.code).toBe("stream-interrupted");
      expect(error.details.metadata).toMatchObject({
        endpoint: "e0",
        outputTokensSent: "10",
        failure: kind,
      });
    },
  );

  test("says in which phase the deadline passed", () => {
    const timeout = failure("total-timeout");
    const phase = (committed: boolean) =>
      callErrorOf(timeout, {
        attempts: [record("e0", timeout)],
        endpoint: exampleEndpoint("e0").id,
        committed,
        outputTokens: 0,
      }).details.metadata?.["phase"];
    expect(phase(false)).toBe("waiting-for-first-token");
    expect(phase(true)).toBe("generating");
  });

  test("asks the caller to wait for the soonest endpoint, or a second when none said", () => {
    expect(
      errorOf(failure("rate-limited", 9_000), failure("rate-limited", 4_000)).details.retryAfterMs,
    ).toBe(4_000);
    expect(errorOf(failure("server-error")).details.retryAfterMs).toBe(1_000);
    expect(errorOf(failure("credentials")).details.retryAfterMs).toBeUndefined();
  });

  test("counts an endpoint that was tried again once", () => {
    const unsent = failure("network");
    const error = callErrorOf(unsent, {
      attempts: [record("e0", unsent), record("e1", unsent), record("e1", unsent)],
      endpoint: exampleEndpoint("e1").id,
      committed: false,
      outputTokens: 0,
    });
    expect(error.details.metadata?.["endpointsTried"]).toBe("2");
  });

  test("lists every attempt with its endpoint, failure and status", () => {
    const error = callErrorOf(failure("network"), {
      attempts: [record("e0", failure("server-error"), 503), record("e1", failure("network"))],
      endpoint: exampleEndpoint("e1").id,
      committed: false,
      outputTokens: 0,
    });
    expect(error.details.metadata?.["attempts"]).toBe("e0: server-error (503), e1: network");
  });
});
