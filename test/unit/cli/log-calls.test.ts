import { describe, expect, test } from "vitest";
import { callRefusalOf } from "../../../src/attempt/call-refusal.ts";
import { createCallLog } from "../../../src/cli/log-calls.ts";
import type { CallResult, CompletionCall } from "../../../src/domain/call.ts";
import { UNKNOWN_COST } from "../../../src/domain/money.ts";
import { RouterError, type RouterErrorCode } from "../../../src/domain/router-error.ts";
import { exampleCall, exampleSpec } from "../../support/examples.ts";
import { exampleResult } from "../../support/scripted-router.ts";

type Line = {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

function start(perSecond = 100, changes: Partial<CompletionCall> = {}) {
  const lines: Line[] = [];
  let nowMs = 0;
  let limit = perSecond;
  const sink = createCallLog(
    (level, message, fields = {}) => lines.push({ level, message, fields }),
    () => nowMs,
    () => limit,
  );
  const call = exampleCall({ id: "call-1", receivedAtMs: 0, ...changes });
  return {
    lines,
    suppressed: () => lines.map(({ fields }) => fields["suppressed"]),
    limitTo(count: number) {
      limit = count;
    },
    end(result: Partial<CallResult> = {}, atMs = 0) {
      nowMs = atMs;
      sink(call, exampleResult(call, result));
    },
    refuse(code: RouterErrorCode, atMs = 0) {
      nowMs = atMs;
      const times = { planStartedAtMs: 1, plannedAtMs: undefined, endedAtMs: 2 };
      sink(call, callRefusalOf(call, new RouterError(code, "nothing fits"), undefined, times));
    },
  };
}

describe("createCallLog()", () => {
  test("tells where a call went, how long it took and what it cost", () => {
    const { lines, end } = start(1, {
      caller: { application: "billing", endUserHash: "canary", labels: { team: "canary" } },
    });
    end();
    expect(lines).toEqual([
      {
        level: "info",
        message: "call ended",
        fields: {
          call: "call-1",
          trace: "0af7651916cd43dd8448eb211c80319c",
          outcome: "success",
          message: undefined,
          model: "acme/one",
          endpoint: "acme/eu/one",
          tier: "standard",
          operation: undefined,
          application: "billing",
          attempts: ["acme/eu/one: success"],
          totalMs: 152,
          firstTokenMs: 100,
          failedAttemptsMs: 0,
          routerMs: 2,
          inputTokens: 8,
          outputTokens: 3,
          costUsd: 0.000003,
          suppressed: 0,
        },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain("canary");
  });

  test("says nothing of a cost that is not known, and of a first token that never came", () => {
    const { lines, end } = start();
    const { attempts } = exampleResult(exampleCall());
    end({ cost: UNKNOWN_COST, attempts: [{ ...attempts[0], firstTokenMs: undefined }] });
    expect(lines[0]?.fields).toMatchObject({ costUsd: undefined, firstTokenMs: undefined });
  });

  test("tells of failures that are the caller's doing as of any other end", () => {
    const { lines, end } = start();
    end({ error: new RouterError("canceled", "The caller has gone.") });
    expect(lines).toMatchObject([
      { level: "info", message: "call ended", fields: { outcome: "canceled" } },
    ]);
  });

  test("writes as many calls a second as it may, and counts the others in the next line", () => {
    const { end, suppressed } = start(2);
    for (const atMs of [0, 1, 2, 999, 1_000, 1_001, 1_002, 5_000]) {
      end({}, atMs);
    }
    expect(suppressed()).toEqual([0, 0, 2, 0, 1]);
  });

  test("follows a limit that changes, and writes nothing with 0", () => {
    const { end, lines, suppressed, limitTo } = start(0);
    end();
    expect(lines).toEqual([]);
    limitTo(1);
    end({}, 1);
    expect(suppressed()).toEqual([1]);
  });

  test("writes no call that succeeded unless it is told how many", () => {
    const lines: string[] = [];
    const call = exampleCall();
    createCallLog(
      (_, message) => lines.push(message),
      () => 0,
    )(call, exampleResult(call));
    expect(lines).toEqual([]);
  });

  test("warns of every call that failed, whatever the limit", () => {
    const { lines, end, refuse } = start(0);
    end({ error: new RouterError("upstream-unavailable", "nobody answered") });
    refuse("upstream-rate-limited");
    refuse("upstream-rate-limited");
    expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warn: call failed",
      "warn: call failed",
      "warn: call failed",
    ]);
    expect(lines[0]?.fields).toMatchObject({
      call: "call-1",
      trace: "0af7651916cd43dd8448eb211c80319c",
      outcome: "upstream-unavailable",
      message: undefined,
      model: "acme/one",
      attempts: ["acme/eu/one: success"],
      totalMs: 152,
    });
  });

  test("tells of 200 failures a second at most, and of how many it did not", () => {
    const { lines, end } = start(0);
    const error = new RouterError("upstream-unavailable", "nobody answered");
    for (let index = 0; index < 205; index += 1) {
      end({ error });
    }
    expect(lines).toHaveLength(200);
    end({ error }, 1_000);
    expect(lines.at(-1)?.fields).toMatchObject({ suppressed: 5 });
  });

  test("tells what was refused to a caller before any attempt", () => {
    const { lines, refuse } = start();
    refuse("no-eligible-endpoint");
    expect(lines).toMatchObject([
      {
        level: "info",
        message: "call refused",
        fields: {
          call: "call-1",
          outcome: "no-eligible-endpoint",
          message: "nothing fits",
          model: "acme/one",
          endpoint: undefined,
          attempts: [],
          totalMs: 2,
          suppressed: 0,
        },
      },
    ]);
  });

  test("tells every one of a few refusals", () => {
    const { refuse, suppressed } = start();
    for (const atMs of [0, 700, 1_900]) {
      refuse("model-not-found", atMs);
    }
    expect(suppressed()).toEqual([0, 0, 0]);
  });

  test("tells as many refusals a second as it may, beside the calls that were served", () => {
    const { refuse, end, lines } = start(2);
    for (let index = 0; index < 10; index += 1) {
      refuse("model-not-found", index);
    }
    end({}, 10);
    refuse("model-not-found", 1_000);
    expect(lines.map(({ message, fields }) => [message, fields["suppressed"]])).toEqual([
      ["call refused", 0],
      ["call refused", 0],
      ["call ended", 0],
      ["call refused", 8],
    ]);
  });

  test("tells one refusal per reason in 10 s, whatever the limit", () => {
    const { lines, refuse } = start(0);
    refuse("no-eligible-endpoint", 0);
    refuse("no-eligible-endpoint", 1);
    refuse("model-not-found", 2);
    refuse("no-eligible-endpoint", 9_999);
    refuse("no-eligible-endpoint", 10_000);
    refuse("no-eligible-endpoint", 20_000);
    expect(lines.map(({ fields }) => [fields["outcome"], fields["suppressed"]])).toEqual([
      ["no-eligible-endpoint", 0],
      ["model-not-found", 1],
      ["no-eligible-endpoint", 1],
      ["no-eligible-endpoint", 0],
    ]);
  });

  test("cuts what a caller may write as long as it likes", () => {
    const long = "x".repeat(1_000);
    const { lines, refuse } = start(1, {
      spec: exampleSpec({ model: long }),
      policy: { ...exampleCall().policy, operation: long },
      caller: { application: long, endUserHash: "", labels: {} },
    });
    refuse("model-not-found");
    const cut = `${"x".repeat(63)}…`;
    expect(lines[0]?.fields).toMatchObject({ model: cut, operation: cut, application: cut });
  });
});
