import { describe, expect, test } from "vitest";
import { attemptOnce } from "../../../src/attempt/attempt-once.ts";
import { callErrorOf } from "../../../src/attempt/call-error.ts";
import { failureKinds } from "../../../src/domain/outcome.ts";
import { RouterError, type RouterErrorCode } from "../../../src/domain/router-error.ts";
import type { TraceContext } from "../../../src/domain/trace.ts";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { type CallSpansOptions, createCallSpans } from "../../../src/trace/call-spans.ts";
import { exampleCall, exampleEndpoint, examplePlan, exampleTrace } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import {
  endpoint,
  exampleAttempt,
  exampleRefusal,
  exampleResult,
  exampleRpcEnd,
  timings,
} from "./call-fixture.ts";

function start(options: Partial<CallSpansOptions> = {}) {
  const spans: ShownSpan[] = [];
  const made = createCallSpans({
    sink: (span) => spans.push(shownSpan(span)),
    slowMs: () => 1_000,
    keptPerSecond: () => 2,
    nowMs: () => 0,
    names: attributeNamesOf(undefined),
    ...options,
  });
  return { ...made, spans, kinds: () => spans.map(({ name }) => name) };
}

const sampledTrace = () => exampleTrace({ sampled: true, keep: true });

function failedWith(code: RouterErrorCode) {
  return exampleResult({ error: new RouterError(code, "") });
}

const twoAttempts = () =>
  exampleResult({ attempts: [exampleAttempt(), exampleAttempt({ number: 2 })] });

describe("a sampled call", () => {
  test("has its plan and an attempt under it, and its RPC above it", () => {
    const { finished, rpc, kinds } = start();
    const trace = sampledTrace();
    finished(exampleCall({ trace }), exampleResult());
    rpc(exampleRpcEnd({ trace }));
    expect(kinds()).toEqual([
      "atlas.complete",
      "atlas.plan",
      "chat acme/one",
      "atlas.v1.RouterService/Complete",
    ]);
  });

  test("has a span for each attempt, and none where there was none", () => {
    const { finished, kinds } = start();
    finished(exampleCall({ trace: sampledTrace() }), twoAttempts());
    expect(kinds()).toEqual(["atlas.complete", "atlas.plan", "chat acme/one", "chat acme/one"]);
    const refused = start();
    refused.finished(exampleCall({ trace: sampledTrace() }), exampleRefusal());
    expect(refused.kinds()).toEqual(["atlas.complete", "atlas.plan"]);
  });

  test("is not limited", () => {
    const { finished, spans, leftOut } = start();
    for (let at = 0; at < 10; at += 1) {
      finished(exampleCall({ trace: sampledTrace() }), failedWith("internal"));
    }
    expect([spans.length, leftOut()]).toEqual([30, 0]);
  });
});

describe("a call that was not sampled", () => {
  test.each([
    { name: "failed by its provider", end: failedWith("upstream-unavailable"), kept: true },
    { name: "failed by the router", end: failedWith("internal"), kept: true },
    { name: "failed by its caller's doing", end: failedWith("request-refused"), kept: false },
    { name: "was refused for its policy", end: exampleRefusal(), kept: false },
    { name: "was switched to another endpoint", end: twoAttempts(), kept: true },
    {
      name: "was slow",
      end: exampleResult({ timings: { ...timings, total: 1_001 } }),
      kept: true,
    },
    {
      name: "was nearly slow",
      end: exampleResult({ timings: { ...timings, total: 1_000 } }),
      kept: false,
    },
    { name: "went well", end: exampleResult(), kept: false },
  ])("and $name: kept is $kept", ({ end, kept }) => {
    const { finished, rpc, spans, leftOut } = start();
    const trace = exampleTrace();
    finished(exampleCall({ trace }), end);
    rpc(exampleRpcEnd({ trace, status: "UNAVAILABLE" }));
    expect(trace.keep).toBe(kept);
    expect(spans.map(({ name }) => name).includes("atlas.complete")).toBe(kept);
    expect(spans.some(({ kind }) => kind === "server")).toBe(kept);
    expect(leftOut()).toBe(0);
  });

  test("is kept for an attempt that was worth a look", () => {
    const { finished, spans } = start();
    finished(exampleCall({ trace: exampleTrace({ keep: true }) }), exampleResult());
    expect(spans).toHaveLength(3);
  });

  test("is left out and counted when more than the rate were kept", () => {
    let nowMs = 0;
    const { finished, spans, leftOut } = start({ nowMs: () => nowMs });
    const traces: TraceContext[] = [];
    const fail = () => {
      const trace = exampleTrace();
      traces.push(trace);
      finished(exampleCall({ trace }), failedWith("internal"));
    };
    fail();
    fail();
    fail();
    expect([spans.length, leftOut()]).toEqual([6, 1]);
    expect(traces.map(({ keep }) => keep)).toEqual([true, true, false]);
    nowMs = 500;
    fail();
    expect([spans.length, leftOut()]).toEqual([9, 1]);
  });

  test("stays kept once an attempt had it kept, and costs the rate once", () => {
    const { finished, keep, spans, leftOut } = start();
    const traces = [exampleTrace(), exampleTrace()];
    for (const trace of traces) {
      keep(trace, Number.POSITIVE_INFINITY);
      keep(trace, Number.POSITIVE_INFINITY);
      finished(exampleCall({ trace }), failedWith("internal"));
    }
    expect([spans.length, leftOut()]).toEqual([6, 0]);
    expect(traces.map((trace) => trace.keep)).toEqual([true, true]);
  });
});

describe("an attempt", () => {
  test("has its call kept before it is observed when the call is slow by then", () => {
    const { keep } = start();
    const traces = [999, 1_000, 1_001].map((tookMs) => {
      const trace = exampleTrace();
      keep(trace, tookMs);
      return trace.keep;
    });
    expect(traces).toEqual([false, false, true]);
  });

  test("whose call is left out is counted once, with the call", () => {
    const { finished, keep, spans, leftOut } = start();
    for (let index = 0; index < 4; index++) {
      const trace = exampleTrace();
      keep(trace, Number.POSITIVE_INFINITY);
      finished(exampleCall({ trace }), failedWith("internal"));
    }
    expect([spans.length, leftOut()]).toEqual([6, 2]);
  });
});

describe("what an attempt and the end of its call find worth a look", () => {
  const larger = exampleEndpoint("acme/us/one", { contextLength: 1_000_000 });
  const cases = failureKinds.flatMap((kind) =>
    [true, false].flatMap((committed) =>
      [true, false].map((followed) => ({ kind, committed, followed })),
    ),
  );

  /** A call whose only attempt failed. */
  async function fail({ kind, committed, followed }: (typeof cases)[number], perSecond: number) {
    const made = start({ keptPerSecond: () => perSecond });
    const call = exampleCall({ trace: exampleTrace(), streaming: true });
    const clock = createManualClock(call.receivedAtMs);
    let isAsked = false;
    const { record } = await attemptOnce(
      {
        call,
        planned: examplePlan(endpoint).order[0],
        number: 1,
        streamed: true,
        limits: { firstTokenMs: 1_000, idleMs: 1_000, deadlineMs: call.deadlineMs },
        followers: followed ? examplePlan(larger).order : [],
        emit: () => undefined,
      },
      {
        upstream: async ({ emit }) => {
          emit({ kind: "text-delta", choice: 0, text: committed ? "a" : "" });
          return { kind, message: "" };
        },
        observe: () => undefined,
        admission: { awaitContent: () => undefined, firstContent: () => undefined },
        keepTrace: (trace, tookMs) => {
          isAsked = tookMs === Number.POSITIVE_INFINITY;
          made.keep(trace, tookMs);
        },
        ...clock,
      },
    );
    const failed = { attempts: [record], endpoint: endpoint.id, committed, outputTokens: 1 };
    const error = callErrorOf({ kind, message: "" }, failed);
    made.finished(call, exampleResult({ attempts: [record], error }));
    return { isAsked, spans: made.spans.length, leftOut: made.leftOut() };
  }

  test.each(cases)(
    "is the same, and left out it is counted once: $kind, committed $committed, followed $followed",
    async (setting) => {
      const kept = await fail(setting, 1);
      expect(kept).toMatchObject({ spans: kept.isAsked ? 3 : 0, leftOut: 0 });
      const left = await fail(setting, 0);
      expect(left).toEqual({ isAsked: kept.isAsked, spans: 0, leftOut: kept.isAsked ? 1 : 0 });
    },
  );

  test("is a call that runs out of time after an attempt, and none that does before", async () => {
    const late = { kind: "total-timeout", committed: false, followed: false } as const;
    expect(await fail(late, 1)).toMatchObject({ isAsked: true, spans: 3 });
    const { finished, spans, leftOut } = start();
    const error = new RouterError("deadline-exceeded", "");
    finished(exampleCall({ trace: exampleTrace() }), exampleRefusal({ error }));
    expect([spans.length, leftOut()]).toEqual([0, 0]);
  });
});

describe("an RPC that was no call of the router", () => {
  const other = { callId: undefined, method: "atlas.v1.CatalogService/ListModels" };

  test("is kept when it was sampled", () => {
    const { rpc, kinds } = start();
    rpc(exampleRpcEnd({ ...other, trace: sampledTrace() }));
    expect(kinds()).toEqual(["atlas.v1.CatalogService/ListModels"]);
  });

  test("is kept for an error of the server, as far as the rate goes", () => {
    const { rpc, spans, leftOut } = start();
    for (const status of ["OK", "INVALID_ARGUMENT", "INTERNAL", "INTERNAL", "INTERNAL"]) {
      rpc(exampleRpcEnd({ ...other, trace: exampleTrace(), status }));
    }
    expect([spans.length, leftOut()]).toEqual([2, 1]);
  });
});

describe("RPCs that failed by their caller's doing", () => {
  test.each([
    { name: "deadlines that were over on arrival", status: "DEADLINE_EXCEEDED" },
    { name: "methods that are not there", status: "UNIMPLEMENTED" },
  ])("use up nothing of the rate: $name", ({ status }) => {
    const { finished, rpc, spans, leftOut } = start();
    for (let at = 0; at < 10; at += 1) {
      rpc(exampleRpcEnd({ callId: undefined, trace: exampleTrace(), status }));
    }
    expect([spans.length, leftOut()]).toEqual([0, 0]);
    finished(exampleCall({ trace: exampleTrace() }), failedWith("upstream-unavailable"));
    expect([spans.length, leftOut()]).toEqual([3, 0]);
  });
});

describe("ports", () => {
  test("say where an endpoint is reached", () => {
    const { finished, spans } = start({ serverOf: () => ({ host: "h", port: 1 }) });
    finished(exampleCall({ trace: sampledTrace() }), exampleResult());
    expect(spans[2]?.attributes).toMatchObject({ "server.address": "h", "server.port": 1 });
  });

  test("have the prompt written on the last attempt alone, and only while it is switched on", () => {
    let redact: readonly RegExp[] | undefined;
    const { finished, spans } = start({
      content: () => (redact === undefined ? undefined : { redact }),
    });
    finished(exampleCall({ trace: sampledTrace() }), twoAttempts());
    redact = [];
    finished(exampleCall({ trace: sampledTrace() }), twoAttempts());
    const written = spans.map(({ attributes }) => "gen_ai.input.messages" in attributes);
    expect(written).toEqual([false, false, false, false, false, false, false, true]);
  });
});
