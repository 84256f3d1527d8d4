import { describe, expect, test } from "vitest";
import { createAttemptLog } from "../../../src/cli/log-attempts.ts";
import { type Failure, type Outcome, SUCCESS } from "../../../src/domain/outcome.ts";
import type { Observation } from "../../../src/domain/ports.ts";
import { exampleEndpoint, exampleTrace } from "../../support/examples.ts";

type Line = { readonly level: string; readonly fields: Readonly<Record<string, unknown>> };

function start() {
  const lines: Line[] = [];
  const sink = createAttemptLog((level, _, fields = {}) => lines.push({ level, fields }));
  const observe = (outcome: Outcome, endedAtMs = 0, endpoint = "azure/eastus/m") =>
    sink(observationOf(outcome, endedAtMs, endpoint));
  return { lines, observe };
}

function observationOf(outcome: Outcome, endedAtMs: number, endpoint: string): Observation {
  return {
    callId: "call-1",
    trace: exampleTrace(),
    attempt: {
      number: 2,
      endpoint: exampleEndpoint(endpoint),
      startedAtMs: 0,
      durationMs: 1,
      firstTokenMs: undefined,
      outcome,
      httpStatus: 401,
      upstreamRequestId: "req-1",
      droppedParameters: [],
      streamed: true,
      upstreamModel: "",
    },
    endedAtMs,
    streamed: true,
    generationMs: undefined,
    generatedTokens: 0,
    usage: undefined,
  };
}

const refusedKey: Failure = { kind: "credentials", message: "the key was refused" };

describe("createAttemptLog()", () => {
  test("says where and why an attempt failed", () => {
    const { lines, observe } = start();
    const cause = new Error("getaddrinfo ENOTFOUND");
    observe({ kind: "network", message: "The connection broke.", cause });
    expect(lines).toEqual([
      {
        level: "warn",
        fields: {
          call: "call-1",
          trace: "0af7651916cd43dd8448eb211c80319c",
          attempt: 2,
          endpoint: "azure/eastus/m",
          failure: "network",
          reason: "The connection broke.",
          httpStatus: 401,
          upstreamRequestId: "req-1",
          cause,
          suppressed: 0,
        },
      },
    ]);
  });

  test.each(["credentials", "quota-exhausted", "model-not-found", "malformed-response"] as const)(
    "tells of %s without a cause, since it ends only when somebody acts",
    (kind) => {
      const { lines, observe } = start();
      observe({ kind, message: "" });
      expect(lines).toHaveLength(1);
    },
  );

  test.each<Outcome>([
    SUCCESS,
    { kind: "rate-limited", message: "" },
    { kind: "canceled", message: "" },
  ])("keeps silent about what needs nobody: $kind", (outcome) => {
    const { lines, observe } = start();
    observe(outcome);
    expect(lines).toEqual([]);
  });

  test("writes one line in 10 s for an endpoint and a kind, and counts the others", () => {
    const { lines, observe } = start();
    for (const endedAtMs of [0, 1, 9_999, 10_000, 20_000]) {
      observe(refusedKey, endedAtMs);
    }
    expect(lines.map(({ fields }) => fields["suppressed"])).toEqual([0, 2, 0]);
  });

  test("lets neither another endpoint nor another kind be hidden", () => {
    const { lines, observe } = start();
    observe(refusedKey);
    observe(refusedKey, 1, "openai/m");
    observe({ kind: "model-not-found", message: "" }, 2);
    expect(lines).toHaveLength(3);
  });
});
