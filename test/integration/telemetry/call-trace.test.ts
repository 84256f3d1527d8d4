import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createRetryBudget } from "../../../src/attempt/retry-budget.ts";
import type { CompletionCall } from "../../../src/domain/call.ts";
import type { Message } from "../../../src/domain/completion.ts";
import { nativeOnlyGates } from "../../../src/domain/gate.ts";
import { type Outcome, SUCCESS } from "../../../src/domain/outcome.ts";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import type { UpstreamCall } from "../../../src/domain/ports.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { EMPTY_SCORES } from "../../../src/domain/score.ts";
import { createRouter } from "../../../src/router.ts";
import { startTelemetry, type Telemetry } from "../../../src/telemetry/start-telemetry.ts";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { createBeginTrace } from "../../../src/trace/begin-trace.ts";
import { createCallSpans } from "../../../src/trace/call-spans.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleCall, exampleEndpoint, exampleSpec } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from "../../support/otlp-receiver.ts";
import { until } from "../../support/until.ts";

/** Every span of every call is read back from what a collector decoded. */

let receiver: OtlpReceiver;
let telemetry: Telemetry;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1",
  };
  for (const [name, value] of Object.entries(env)) {
    vi.stubEnv(name, value);
  }
  telemetry = await startTelemetry({
    env,
    traces: true,
    metricProducers: [],
    version: "1.2.3",
    instanceId: "replica-1",
    log: () => undefined,
    nowMs: Date.now,
    readFile,
  });
});

afterAll(async () => {
  await telemetry.close(1_000);
  await receiver.close();
  vi.unstubAllEnvs();
});

type Answer = {
  readonly firstTokenMs?: number;
  /** Absent: it hangs. */
  readonly endsMs?: number;
  readonly outcome?: Outcome;
};

type Setting = {
  /** In the order in which the endpoints are called. */
  readonly answers: readonly Answer[];
  readonly streaming?: boolean;
  readonly deadlineMs?: number;
  readonly leavesMs?: number;
  readonly sampled?: boolean;
  readonly status?: string;
};

const NETWORK: Outcome = { kind: "network", message: "canary-failure" };
const canaryMessage: Message = {
  role: "user",
  name: "",
  parts: [{ kind: "text", text: "canary-prompt", cacheBreakpoint: false }],
};
const CALLER_TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER_SPAN = "00f067aa0ba902b7";
const endpoints = ["a/one", "b/one", "c/one"].map((id) => exampleEndpoint(id));
let calls = 0;

/** One call on a clock of its own, 2 ms after it was received; resolves with its spans. */
async function spansOf(setting: Setting) {
  const { answers, streaming = false, deadlineMs = 60_000, leavesMs, sampled = true } = setting;
  const clock = createManualClock();
  const asked: UpstreamCall[] = [];
  const controller = new AbortController();
  const spans = createCallSpans({
    sink: (span) => telemetry.spans?.(span),
    slowMs: () => 30_000,
    keptPerSecond: () => 50,
    nowMs: clock.nowMs,
    names: attributeNamesOf(undefined),
  });
  const catalog = exampleCatalog([exampleModel("acme/one")], endpoints);
  const router = createRouter({
    catalog: () => catalog,
    scores: () => EMPTY_SCORES,
    live: { of: () => undefined },
    gates: nativeOnlyGates,
    policy: () => defaultPolicy,
    attempt: {
      upstream: (call) => {
        const answer = answers[asked.length] ?? {};
        asked.push(call);
        return play(call, answer, clock.schedule);
      },
      observe: () => undefined,
      admission: {
        tryStart: () => true,
        awaitContent: () => undefined,
        firstContent: () => undefined,
        wantsTiming: () => false,
      },
      keepTrace: spans.keep,
      budget: createRetryBudget(),
      timeouts: {
        firstTokenMinMs: 2_000,
        firstTokenMaxMs: 60_000,
        firstTokenColdMs: 30_000,
        idleMs: 30_000,
      },
      nowMs: clock.nowMs,
      schedule: clock.schedule,
      random: () => 0.5,
    },
    finished: spans.finished,
  });
  calls += 1;
  const receivedAtMs = clock.nowMs() - 2;
  const begin = createBeginTrace({ random: Math.random, ratio: () => 0, followsParent: true });
  const traceId = CALLER_TRACE.slice(0, 30) + String(calls).padStart(2, "0");
  const trace = begin(`00-${traceId}-${CALLER_SPAN}-${sampled ? "01" : "00"}`, "vendor=1");
  const call: CompletionCall = exampleCall({
    trace,
    spec: exampleSpec({ messages: [canaryMessage] }),
    streaming,
    receivedAtMs,
    deadlineMs: receivedAtMs + deadlineMs,
    signal: controller.signal,
  });
  if (leavesMs !== undefined) {
    clock.schedule(leavesMs, () => controller.abort(new RouterError("canceled", "gone")));
  }
  const ended = router.complete(call);
  await clock.advance(100_000);
  await ended;
  spans.rpc({
    system: "grpc",
    method: "atlas.v1.RouterService/Complete",
    trace,
    receivedAtMs,
    endedAtMs: clock.nowMs() + 1,
    status: setting.status ?? "OK",
    reason: undefined,
    callId: call.id,
    peer: "127.0.0.1:40000",
  });
  const count = trace.keep ? 3 + asked.length : 0;
  const own = () => receiver.spans.filter((span) => span.traceId === traceId);
  await until(() => own().length === count);
  return { spans: own(), asked };
}

/** Plays an answer in time; lets go when its signal aborts. */
function play(
  call: UpstreamCall,
  { firstTokenMs, endsMs, outcome = SUCCESS }: Answer,
  schedule: ReturnType<typeof createManualClock>["schedule"],
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  if (firstTokenMs !== undefined) {
    schedule(firstTokenMs, () => {
      call.emit({
        kind: "response-start",
        httpStatus: 200,
        upstreamRequestId: "r1",
        upstreamModel: "one-1",
      });
      call.emit({ kind: "text-delta", choice: 0, text: "canary-answer" });
    });
  }
  if (endsMs !== undefined) {
    schedule(endsMs, () => {
      call.emit({
        kind: "choice-end",
        choice: 0,
        reason: "stop",
        rawReason: "stop",
        stopSequence: "",
      });
      resolve(outcome);
    });
  }
  return promise;
}

function byName(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.find((span) => span.name === name);
  expect(found, name).toBeDefined();
  return found as ReceivedSpan;
}

const attemptsOf = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ kind }) => kind === "CLIENT").sort((a, b) => Number(a.startNs - b.startNs));

const PARTS = [
  "queue",
  "plan",
  "failed_attempts",
  "upstream_first_token",
  "upstream_generation",
  "router_overhead",
];

const numberOf = (span: ReceivedSpan, key: string) => Number(span.attributes[key] ?? 0);

const lasted = ({ startNs, endNs }: ReceivedSpan) => Number(endNs - startNs) / 1e6;

const answered: Answer = { firstTokenMs: 100, endsMs: 400 };

const cases: readonly (Setting & {
  readonly name: string;
  readonly outcomes: readonly string[];
})[] = [
  { name: "a unary call", answers: [answered], outcomes: ["ok"] },
  { name: "a stream", answers: [answered], streaming: true, outcomes: ["ok"] },
  {
    name: "a fallback",
    answers: [{ endsMs: 50, outcome: NETWORK }, answered],
    outcomes: ["network", "ok"],
  },
  {
    name: "a call whose attempts all failed",
    answers: [1, 2, 3].map((endsMs) => ({ endsMs, outcome: NETWORK })),
    status: "UNAVAILABLE",
    outcomes: ["network", "network", "network"],
  },
  {
    name: "a stream that its caller left",
    answers: [{ firstTokenMs: 100 }],
    streaming: true,
    leavesMs: 200,
    status: "CANCELLED",
    outcomes: ["canceled"],
  },
  {
    name: "a call that ran out of time",
    answers: [{ firstTokenMs: 100 }],
    streaming: true,
    deadlineMs: 500,
    status: "DEADLINE_EXCEEDED",
    outcomes: ["total-timeout"],
  },
  {
    name: "a provider that hangs, and another one",
    answers: [{}, answered],
    streaming: true,
    outcomes: ["first-token-timeout", "ok"],
  },
  {
    name: "a stream that broke off",
    answers: [{ firstTokenMs: 100, endsMs: 300, outcome: NETWORK }],
    streaming: true,
    status: "UNAVAILABLE",
    outcomes: ["network"],
  },
];

test.each(cases)(
  "$name is one connected trace under its caller",
  async ({ outcomes, ...setting }) => {
    const { spans, asked } = await spansOf(setting);
    const rpc = byName(spans, "atlas.v1.RouterService/Complete");
    const complete = byName(spans, "atlas.complete");
    const plan = byName(spans, "atlas.plan");
    const attempts = attemptsOf(spans);
    expect(rpc).toMatchObject({ kind: "SERVER", parentSpanId: CALLER_SPAN, parentIsRemote: true });
    expect(complete).toMatchObject({ kind: "INTERNAL", parentSpanId: rpc.spanId });
    expect(plan).toMatchObject({ kind: "INTERNAL", parentSpanId: complete.spanId });
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual(
      outcomes.map(() => complete.spanId),
    );
    expect(attempts.map(({ attributes }) => attributes["error.type"] ?? "ok")).toEqual(outcomes);
    expect(attempts.map(({ attributes }) => attributes["atlas.attempt.number"])).toEqual(
      outcomes.map((_, at) => at + 1),
    );
    expect(spans.map(({ traceState }) => traceState)).toEqual(spans.map(() => "vendor=1"));
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    // What the providers were told is what the collector was.
    expect(asked.map(({ trace }) => trace?.traceparent.split("-")[2])).toEqual(
      attempts.map(({ spanId }) => spanId),
    );
  },
);

test.each(cases)("$name lasts as long as its timings add up to", async ({ name, ...setting }) => {
  const { spans } = await spansOf(setting);
  const complete = byName(spans, "atlas.complete");
  const plan = byName(spans, "atlas.plan");
  const attempts = attemptsOf(spans);
  const sum = PARTS.reduce(
    (total, part) => total + numberOf(complete, `atlas.timings.${part}_ms`),
    0,
  );
  expect(sum, name).toBeCloseTo(lasted(complete), 6);
  expect(lasted(plan)).toBeCloseTo(numberOf(complete, "atlas.timings.plan_ms"), 6);
  const upstreamMs = ["failed_attempts", "upstream_first_token", "upstream_generation"].reduce(
    (total, part) => total + numberOf(complete, `atlas.timings.${part}_ms`),
    0,
  );
  const [first] = attempts;
  const last = attempts.at(-1);
  expect(upstreamMs).toBeCloseTo(Number((last?.endNs ?? 0n) - (first?.startNs ?? 0n)) / 1e6, 6);
  for (const span of [plan, ...attempts]) {
    expect(span.startNs).toBeGreaterThanOrEqual(complete.startNs);
    expect(span.endNs).toBeLessThanOrEqual(complete.endNs);
  }
});

test("no prompt, no answer and no word of a provider is in any span", async () => {
  for (const { outcomes: _, name: _name, ...setting } of cases) {
    await spansOf(setting);
  }
  const told = JSON.stringify(receiver.spans, (__, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
  expect(told).toContain("atlas.complete");
  expect(told).not.toContain("canary");
});

test("an attempt ends with its stream and says when its first token came", async () => {
  const { spans } = await spansOf({ answers: [answered], streaming: true });
  const [attempt] = attemptsOf(spans);
  expect(attempt?.events).toEqual([
    { name: "gen_ai.first_token", atNs: (attempt?.startNs ?? 0n) + 100_000_000n },
  ]);
  expect(Number((attempt?.endNs ?? 0n) - (attempt?.startNs ?? 0n)) / 1e6).toBe(400);
  expect(attempt).toMatchObject({
    name: "chat acme/one",
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.response.model": "one-1",
      "gen_ai.response.time_to_first_chunk": 0.1,
      "http.response.status_code": 200,
    },
  });
});

test.each(
  cases.filter(({ name }) => !/^a (unary call|stream|stream that its caller left)$/.test(name)),
)("$name is kept although its caller's trace is not sampled", async ({ outcomes, ...setting }) => {
  const { spans } = await spansOf({ ...setting, sampled: false });
  expect(spans).toHaveLength(3 + outcomes.length);
});

test.each(cases.filter(({ name }) => /^a (unary call|stream that its caller left)$/.test(name)))(
  "$name is not kept when its caller's trace is not sampled",
  async (setting) => {
    const { spans } = await spansOf({ ...setting, sampled: false });
    expect(spans).toEqual([]);
  },
);
