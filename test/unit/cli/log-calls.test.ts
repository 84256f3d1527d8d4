import { describe, expect, test } from "vitest";
import { callRefusalOf } from "../../../src/attempt/call-refusal.ts";
import { createCallLog } from "../../../src/cli/log-calls.ts";
import { RouterError, type RouterErrorCode } from "../../../src/domain/router-error.ts";
import { exampleCall } from "../../support/examples.ts";
import { exampleResult } from "../../support/scripted-router.ts";

type Line = {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

function start() {
  const lines: Line[] = [];
  let nowMs = 0;
  const sink = createCallLog(
    (level, message, fields = {}) => lines.push({ level, message, fields }),
    () => nowMs,
  );
  const call = exampleCall({ id: "call-1", receivedAtMs: 0 });
  return {
    lines,
    end: (error?: RouterError) => sink(call, exampleResult(call, { error })),
    refuse(code: RouterErrorCode, atMs = 0) {
      nowMs = atMs;
      const times = { planStartedAtMs: 1, plannedAtMs: undefined, endedAtMs: 2 };
      sink(call, callRefusalOf(call, new RouterError(code, "nothing fits"), undefined, times));
    },
  };
}

describe("createCallLog()", () => {
  test("is silent about answers and about failures that are the caller's doing", () => {
    const { lines, end } = start();
    end();
    end(new RouterError("canceled", "The caller has gone."));
    expect(lines).toEqual([]);
  });

  test("warns of every call that failed", () => {
    const { lines, end, refuse } = start();
    end(new RouterError("upstream-unavailable", "nobody answered"));
    refuse("upstream-rate-limited");
    refuse("upstream-rate-limited");
    expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warn: call failed",
      "warn: call failed",
      "warn: call failed",
    ]);
    expect(lines[0]?.fields).toEqual({
      call: "call-1",
      reason: "upstream-unavailable",
      message: "nobody answered",
      model: "acme/one",
      attempts: ["acme/eu/one: success"],
      totalMs: 152,
    });
  });

  test("tells what was refused to a caller before any attempt", () => {
    const { lines, refuse } = start();
    refuse("no-eligible-endpoint");
    expect(lines).toEqual([
      {
        level: "info",
        message: "call refused",
        fields: {
          call: "call-1",
          reason: "no-eligible-endpoint",
          message: "nothing fits",
          model: "acme/one",
          attempts: [],
          totalMs: 2,
          suppressed: 0,
        },
      },
    ]);
  });

  test("tells refusals for one reason at most once in 10 s, and counts the rest", () => {
    const { lines, refuse } = start();
    refuse("no-eligible-endpoint", 0);
    refuse("no-eligible-endpoint", 1);
    refuse("model-not-found", 2);
    refuse("no-eligible-endpoint", 9_999);
    refuse("no-eligible-endpoint", 10_000);
    refuse("no-eligible-endpoint", 20_000);
    expect(lines.map(({ fields }) => [fields["reason"], fields["suppressed"]])).toEqual([
      ["no-eligible-endpoint", 0],
      ["model-not-found", 0],
      ["no-eligible-endpoint", 2],
      ["no-eligible-endpoint", 0],
    ]);
  });
});
