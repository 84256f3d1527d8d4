import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findNatsBinaries } from "../../support/nats-binaries.ts";
import { createNatsServer, type NatsServer } from "../../support/nats-process.ts";
import { describeOnNewestNats } from "../../support/nats-server.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { until } from "../../support/until.ts";
import { callTraced, type MadeCall, type TracedCall, type Way, ways } from "./traced-call.ts";
import {
  type AtlasProcess,
  catalogOf,
  providersOf,
  serveAtlas,
  type TestModel,
} from "./use-atlas.ts";
import {
  type Asked,
  answering,
  failing,
  hanging,
  type Reply,
  stalling,
  startProviders,
} from "./use-providers.ts";

/**
 * Every call is made on real processes, which are then told to stop: what the collector was sent by then is
 * all that is ever sent, so that a span too many is seen as well as one too few.
 */

type Case = Omit<TracedCall, "model"> & {
  readonly name: string;
  /** Of each provider, in the order in which they are called. */
  readonly replies: readonly Reply[];
  /** Of each attempt: `error.type`, or `ok`. */
  readonly outcomes: readonly string[];
  /** Attempts that tell the fleet something at once, beside the report of their second. */
  readonly urgent?: readonly number[];
  readonly status: string;
};

const FIRST_TOKEN_MS = 2_000;

const cases: readonly Case[] = [
  { name: "a unary call", replies: [answering()], outcomes: ["ok"], status: "OK" },
  {
    name: "a stream",
    replies: [answering()],
    streaming: true,
    outcomes: ["ok"],
    status: "OK",
  },
  {
    name: "a fallback",
    replies: [failing(500), answering()],
    outcomes: ["server-error", "ok"],
    status: "OK",
  },
  {
    name: "a call whose attempts all failed",
    replies: [failing(500), failing(503), failing(429)],
    outcomes: ["server-error", "overloaded", "rate-limited"],
    urgent: [2],
    status: "UNAVAILABLE",
  },
  {
    name: "a stream that its caller left",
    replies: [stalling],
    streaming: true,
    leaves: true,
    outcomes: ["canceled"],
    status: "CANCELLED",
  },
  {
    name: "a call that ran out of time",
    replies: [hanging],
    timeoutMs: 2_000,
    outcomes: ["total-timeout"],
    status: "DEADLINE_EXCEEDED",
  },
  {
    name: "a provider that hangs, and another one",
    replies: [hanging, answering()],
    streaming: true,
    outcomes: ["first-token-timeout", "ok"],
    status: "OK",
  },
];

/** A model of its own for every call, so that none meets the breakers and cooldowns of another. */
const calls = (Object.keys(ways) as Way[]).flatMap((way) =>
  cases.map((setting, at) => {
    const model: TestModel = {
      name: `${way.toLowerCase()}-${at}`,
      providers: setting.replies.length,
    };
    return { ...setting, name: `${setting.name}, by ${way}`, way, model };
  }),
);

type Call = (typeof calls)[number];

/** Called first, because a process that has not run yet is late for short deadlines. */
const warmUp: TestModel = { name: "warm-up", providers: 1 };

/** Called by many at once, so that one report tells of several kept attempts. */
const busy: TestModel = { name: "busy", providers: 1 };
const CROWD = 20;

const replyOf = (provider: string): Reply => {
  const replies = calls.flatMap(({ model, replies }) =>
    providersOf(model).map((id, at) => [id, replies[at] ?? hanging] as const),
  );
  return new Map(replies).get(provider) ?? answering();
};

/** Attempts behind each report. */
const reportsOf = ({ outcomes, urgent = [] }: Call) => [...outcomes.keys(), ...urgent].sort();

/** RPC, call and plan, each attempt, and what becomes of each report. */
const spanCountOf = (call: Call) => 3 + call.outcomes.length + 3 * reportsOf(call).length;

type Played = {
  readonly made: ReadonlyMap<string, MadeCall>;
  readonly asked: readonly Asked[];
  spansOf(call: Call): readonly ReceivedSpan[];
  /** Of each call of the crowd. */
  crowd(): readonly (readonly ReceivedSpan[])[];
};

/** Makes every call on running processes, ends them, and keeps what the collector got. */
async function play(start: (settings: Settings) => Promise<readonly AtlasProcess[]>) {
  const receiver = await startOtlpReceiver();
  const providers = await startProviders(replyOf);
  const firstToken = { minMs: FIRST_TOKEN_MS, maxMs: FIRST_TOKEN_MS, coldMs: FIRST_TOKEN_MS };
  const processes = await start({
    config: {
      ...catalogOf(providers.url, [warmUp, busy, ...calls.map(({ model }) => model)]),
      timeouts: { firstToken, connectMs: FIRST_TOKEN_MS },
      retry: { budgetReservePerSecond: 100 },
    },
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: "100" },
  });
  const [router] = processes as readonly [AtlasProcess];
  await Promise.all(
    Object.values(ways).map((way) => callTraced(way(router), { model: warmUp, streaming: true })),
  );
  const made = await Promise.all(
    calls.map(async (call) => [call.name, await callTraced(ways[call.way](router), call)] as const),
  );
  const crowd = await Promise.all(
    Array.from({ length: CROWD }, () => callTraced(ways.gRPC(router), { model: busy })),
  );
  const played: Played = {
    crowd: () =>
      crowd.map(({ traceId }) => receiver.spans.filter((span) => span.traceId === traceId)),
    made: new Map(made),
    asked: providers.asked,
    spansOf: ({ name }) =>
      receiver.spans.filter(({ traceId }) => traceId === new Map(made).get(name)?.traceId),
  };
  const isFolded = (call: Call) => played.spansOf(call).length >= spanCountOf(call);
  const isTold = () =>
    played.crowd().every((spans) => spans.length >= 4) &&
    played.crowd().some((spans) => spans.length >= 7);
  await until(() => calls.every(isFolded) && isTold()).catch(() => undefined);
  await Promise.all(processes.map((one) => one.kill("SIGTERM")));
  await providers.close();
  await receiver.close();
  return played;
}

type Settings = {
  readonly config: object;
  readonly env: Readonly<Record<string, string>>;
};

type World = {
  readonly router: string;
  /** The process that folds the reports. */
  readonly scorer: string;
  /** `messaging.system.name` */
  readonly system: string;
};

const { found } = await findNatsBinaries();
const newest = found.at(-1);
let nats: NatsServer | undefined;
let alone: Played;
let together: Played | undefined;

beforeAll(async () => {
  nats = newest && (await createNatsServer(newest));
  await nats?.start();
  [alone, together] = await Promise.all([
    play((settings) => Promise.all([serveAtlas({ ...settings, name: "alone" })])),
    nats && play(startMembers(nats.url)),
  ]);
}, 60_000);

afterAll(async () => {
  await nats?.dispose();
});

const startMembers = (natsUrl: string) => (settings: Settings) =>
  Promise.all(
    ["router", "scorer"].map((name) =>
      serveAtlas({ ...settings, name, words: ["--nats", natsUrl, "--role", name] }),
    ),
  );

function describeTraces(played: () => Played, { router, scorer, system }: World): void {
  const attemptsOf = (spans: readonly ReceivedSpan[]) =>
    spans
      .filter(({ kind }) => kind === "CLIENT")
      .sort((left, right) => Number(left.startNs - right.startNs));

  test.each(calls)("$name ends as its caller is told", ({ name, status }) => {
    expect(played().made.get(name)?.status).toBe(status);
  });

  test.each(calls)("$name has these spans and no other", (call) => {
    const times = (count: number, ...names: readonly string[]) =>
      Array.from({ length: count }, () => names).flat();
    const method = call.streaming ? "StreamComplete" : "Complete";
    expect(
      played()
        .spansOf(call)
        .map(({ name, kind }) => (kind === "CLIENT" ? name.split(" ")[0] : name))
        .sort(),
    ).toEqual(
      [
        `atlas.v1.RouterService/${method}`,
        "atlas.complete",
        "atlas.plan",
        ...times(call.outcomes.length, "chat"),
        ...times(
          reportsOf(call).length,
          "publish atlas.health.v1",
          "process atlas.health.v1",
          "atlas.scores.apply",
        ),
      ].sort(),
    );
  });

  test.each(calls)("$name is one tree below its caller's span", (call) => {
    const spans = played().spansOf(call);
    const { spanId: callerId } = played().made.get(call.name) ?? {};
    const named = (name: string) => spans.filter((span) => span.name === name);
    const [rpc] = spans.filter(({ kind }) => kind === "SERVER");
    const [complete] = named("atlas.complete");
    const attempts = attemptsOf(spans);
    const published = named("publish atlas.health.v1");
    expect(rpc).toMatchObject({ parentSpanId: callerId, parentIsRemote: true });
    expect(complete?.parentSpanId).toBe(rpc?.spanId);
    expect(named("atlas.plan")[0]?.parentSpanId).toBe(complete?.spanId);
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual(
      attempts.map(() => complete?.spanId),
    );
    expect(published.map(({ parentSpanId }) => parentSpanId).sort()).toEqual(
      reportsOf(call).map((at) => attempts[at]?.spanId),
    );
    const reports = published.map(({ spanId }) => spanId).sort();
    const processed = named("process atlas.health.v1");
    for (const folded of [processed, named("atlas.scores.apply")]) {
      expect(folded.map(({ parentSpanId }) => parentSpanId).sort()).toEqual(reports);
    }
    expect(processed.map(({ links }) => links)).toEqual(
      processed.map(({ traceId, parentSpanId }) => [{ traceId, spanId: parentSpanId }]),
    );
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(spans.map(({ traceState }) => traceState)).toEqual(spans.map(() => "vendor=1"));
  });

  test.each(calls)("$name says how it and its attempts ended", (call) => {
    const spans = played().spansOf(call);
    const [rpc] = spans.filter(({ kind }) => kind === "SERVER");
    expect(attemptsOf(spans).map(({ attributes }) => attributes["error.type"] ?? "ok")).toEqual(
      call.outcomes,
    );
    expect(rpc?.attributes).toMatchObject({
      "rpc.system.name": call.way === "gRPC" ? "grpc" : "connectrpc",
      "rpc.status_code": call.status,
    });
  });

  test.each(calls)("$name has a span of every process that it went through", (call) => {
    const spans = played().spansOf(call);
    for (const { name, resource, attributes } of spans) {
      const isFold = name === "process atlas.health.v1";
      expect([name, resource["service.instance.id"]]).toEqual([name, isFold ? scorer : router]);
      expect([undefined, system]).toContain(attributes["messaging.system.name"]);
    }
  });

  test.each(calls)("$name tells each provider of its own attempt, and no baggage", (call) => {
    const { traceId } = played().made.get(call.name) ?? {};
    const told = providersOf(call.model).flatMap((id) =>
      played()
        .asked.filter(({ provider }) => provider === id)
        .map(({ headers }) => headers),
    );
    expect(
      told.map(({ traceparent, tracestate, baggage }) => [traceparent, tracestate, baggage]),
    ).toEqual(
      attemptsOf(played().spansOf(call)).map(({ spanId }) => [
        `00-${traceId}-${spanId}-01`,
        "vendor=1",
        undefined,
      ]),
    );
  });

  test("every call of a crowd leads to the report of its attempt, and on to the fold and the scores", () => {
    const all = played().crowd().flat();
    const named = (name: string) => all.filter((span) => span.name === name);
    const reportsOf = ({ spanId, links }: ReceivedSpan) =>
      named("publish atlas.health.v1").filter(
        (report) =>
          report.parentSpanId === spanId || links.some((link) => link.spanId === report.spanId),
      );
    const attempts = attemptsOf(all);
    expect(attempts).toHaveLength(CROWD);
    // Some second has more than one of them, so some lead to a report in the trace of another.
    expect(named("publish atlas.health.v1").length).toBeLessThan(CROWD);
    for (const attempt of attempts) {
      const reports = reportsOf(attempt);
      expect(reports.map(({ attributes }) => attributes["atlas.endpoint"])).toEqual([
        "busy-a/chat",
      ]);
      const [report] = reports;
      for (const name of ["process atlas.health.v1", "atlas.scores.apply"]) {
        expect(named(name).map(({ parentSpanId }) => parentSpanId)).toContain(report?.spanId);
      }
      expect(attempt.links.map(({ traceId }) => traceId)).toEqual(
        attempt.traceId === report?.traceId ? [] : [report?.traceId],
      );
    }
  });

  test("prompts and answers are in no span", () => {
    const keys = new Set(
      calls.flatMap((call) =>
        played()
          .spansOf(call)
          .flatMap(({ attributes }) => Object.keys(attributes)),
      ),
    );
    expect([...keys].filter((key) => /messages|instructions|definitions/.test(key))).toEqual([]);
  });
}

describe("the trace of a process that is alone", () => {
  describeTraces(() => alone, { router: "alone", scorer: "alone", system: "memory" });
});

await describeOnNewestNats("the trace of a router and a scorer over NATS", () => {
  // These tests exist only where there is a server, and then so is what was played on it.
  const played = () => together as Played;
  describeTraces(played, { router: "router", scorer: "scorer", system: "nats" });
});
