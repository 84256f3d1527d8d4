import { beforeAll, describe, expect, test } from "vitest";
import { type ReceivedSpan, startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { until } from "../../support/until.ts";
import {
  callTraced,
  type MadeCall,
  sampled,
  type TracedCall,
  traceIdOf,
  unsampled,
  type Way,
  ways,
} from "./traced-call.ts";
import { type AtlasProcess, catalogOf, serveAtlas, type TestModel } from "./use-atlas.ts";
import { type Asked, answering, failing, type Reply, startProviders } from "./use-providers.ts";

/**
 * What is exported of callers that decide themselves, and of those that do not: by a process that samples
 * everything and writes texts into its spans, and by one that samples nothing.
 */

type Setting = Omit<TracedCall, "model"> & {
  readonly name: string;
  readonly process: "all" | "none";
  readonly replies: readonly Reply[];
  /** Whether the caller's trace is followed, or another one begins. */
  readonly isFollowed: boolean;
  readonly isKept: boolean;
};

const healthy = [answering("the answer is 4111-2222")];
const switched = [failing(500), answering()];
const untraced = () => ({});

const malformed = [
  ["a version that there is not", (trace: string, span: string) => `ff-${trace}-${span}-01`],
  ["a trace of zeros", (_: string, span: string) => `00-${"0".repeat(32)}-${span}-01`],
  ["a span of zeros", (trace: string) => `00-${trace}-${"0".repeat(16)}-01`],
  ["capital letters", (trace: string, span: string) => `00-${trace.toUpperCase()}-${span}-01-AB`],
  ["8 KB of anything", () => "0".repeat(8_192)],
  ["another language", () => "00-überall-nirgends-01"],
] as const;

const cases: readonly Setting[] = [
  {
    name: "a call without a trace, where all are sampled",
    process: "all",
    replies: healthy,
    headers: untraced,
    isFollowed: false,
    isKept: true,
  },
  ...malformed.map(
    ([what, traceparent]): Setting => ({
      name: `a traceparent with ${what}`,
      process: "all",
      replies: healthy,
      headers: (trace, span) => ({
        traceparent: encodeURI(traceparent(trace, span)),
        tracestate: "vendor=1",
      }),
      isFollowed: false,
      isKept: true,
    }),
  ),
  {
    name: "a tracestate of 8 KB",
    process: "all",
    replies: healthy,
    headers: (trace, span) => ({
      ...sampled(trace, span),
      tracestate: `vendor=${"x".repeat(8_185)}`,
    }),
    isFollowed: true,
    isKept: true,
  },
  {
    name: "a healthy call of an unsampled caller, where all others are sampled",
    process: "all",
    replies: healthy,
    headers: unsampled,
    isFollowed: true,
    isKept: false,
  },
  {
    name: "a call without a trace, where none is sampled",
    process: "none",
    replies: healthy,
    headers: untraced,
    isFollowed: false,
    isKept: false,
  },
  {
    name: "a healthy call of an unsampled caller",
    process: "none",
    replies: healthy,
    headers: unsampled,
    isFollowed: true,
    isKept: false,
  },
  {
    name: "a healthy call of a sampled caller, where no other is sampled",
    process: "none",
    replies: healthy,
    isFollowed: true,
    isKept: true,
  },
  {
    name: "a call of an unsampled caller that was switched",
    process: "none",
    replies: switched,
    headers: unsampled,
    isFollowed: true,
    isKept: true,
  },
  {
    name: "a stream without a trace that was switched, where none is sampled",
    process: "none",
    replies: switched,
    streaming: true,
    headers: untraced,
    isFollowed: false,
    isKept: true,
  },
  {
    name: "a failed call of an unsampled caller",
    process: "none",
    replies: [failing(500)],
    headers: unsampled,
    isFollowed: true,
    isKept: true,
  },
];

const settings = (Object.keys(ways) as Way[]).flatMap((way) =>
  cases.map((setting) => ({ ...setting, name: `${setting.name}, by ${way}`, way })),
);

const modelAt = (at: number): TestModel => ({
  name: `m${at}`,
  providers: settings[at]?.replies.length ?? 0,
});
const models = settings.map((_, at) => modelAt(at));
const SECRET = /4111-\d+/;
const PROMPT = "the question is 4111-3333";

let spans: readonly ReceivedSpan[];
let asked: readonly Asked[];
let calls: readonly ((typeof settings)[number] & {
  readonly made: MadeCall;
  readonly traceId: string;
})[];

beforeAll(async () => {
  const receiver = await startOtlpReceiver();
  const providers = await startProviders((provider) => {
    const [, at = "0", letter = "a"] = /^m(\d+)-(.)$/.exec(provider) ?? [];
    const replies = settings[Number(at)]?.replies ?? [];
    return replies[letter.charCodeAt(0) - 97] ?? failing(500);
  });
  const serve = (name: string, traces: object) =>
    serveAtlas({
      name,
      config: {
        ...catalogOf(providers.url, models),
        telemetry: { traces },
        retry: { budgetReservePerSecond: 100 },
      },
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: "100" },
    });
  const [all, none] = await Promise.all([
    serve("all", { ratio: 1, content: true, redact: [SECRET.source] }),
    serve("none", { ratio: 0 }),
  ]);
  const processes: Readonly<Record<Setting["process"], AtlasProcess>> = { all, none };
  calls = await Promise.all(
    settings.map(async (setting, at) => {
      const atlas = processes[setting.process];
      const call = { ...setting, model: modelAt(at), text: PROMPT };
      const made = await callTraced(ways[setting.way](atlas), call);
      const traceId = made.id === "" ? made.traceId : await traceIdOf(atlas, made.id);
      return { ...setting, made, traceId };
    }),
  );
  const isWhole = ({ traceId, replies, isKept }: (typeof calls)[number]) =>
    !isKept ||
    receiver.spans.filter((one) => one.traceId === traceId).length >= 3 + 4 * replies.length;
  await until(() => calls.every(isWhole)).catch(() => undefined);
  await Promise.all([all, none].map((atlas) => atlas.kill("SIGTERM")));
  await providers.close();
  await receiver.close();
  ({ spans } = receiver);
  ({ asked } = providers);
}, 30_000);

const APPLY = "atlas.scores.apply";

const callOf = (name: string) => {
  const found = calls.find((call) => call.name === name);
  expect(found, name).toBeDefined();
  return found as (typeof calls)[number];
};

const spansOf = (name: string) => {
  const { traceId } = callOf(name);
  return spans.filter((span) => span.traceId === traceId);
};

const names = (kept: boolean) =>
  settings.filter(({ isKept }) => isKept === kept).map(({ name }) => name);

test.each(names(true))("%s has all its spans", (name) => {
  const { replies } = callOf(name);
  const counted = (prefix: string) =>
    spansOf(name).filter((span) => span.name.startsWith(prefix)).length;
  expect(
    ["atlas.v1", "atlas.complete", "atlas.plan", "chat ", "publish ", "process ", APPLY].map(
      counted,
    ),
  ).toEqual([1, 1, 1, ...Array<number>(4).fill(replies.length)]);
});

test.each(names(false))("%s has no span", (name) => {
  expect(callOf(name).made.status).toBe("OK");
  expect(spansOf(name)).toEqual([]);
});

test.each(settings.map(({ name }) => name))("%s belongs to the trace that it should", (name) => {
  const { made, traceId, isFollowed } = callOf(name);
  const own = spansOf(name);
  expect(traceId === made.traceId).toBe(isFollowed);
  const parents = own.filter(({ kind }) => kind === "SERVER").map((span) => span.parentSpanId);
  expect(parents).toEqual(parents.map(() => (isFollowed ? made.spanId : "")));
});

test.each(settings)("$name tells providers what was decided", ({ name, process, replies }) => {
  const { traceId, headers = sampled } = callOf(name);
  const at = settings.findIndex((setting) => setting.name === name);
  const told = asked.filter(({ provider }) => provider.startsWith(`m${at}-`));
  const isSampled = headers === unsampled ? false : headers === sampled || process === "all";
  const flag = isSampled ? "01" : "00";
  expect(told.map((one) => String(one.headers["traceparent"]).replace(/-.{16}-/, "-"))).toEqual(
    replies.map(() => `00-${traceId}-${flag}`),
  );
});

test("a tracestate that is too long, or whose traceparent is none, is passed on to nobody", () => {
  const dropped = settings
    .map(({ name }) => name)
    .filter((name) => /^a trace(parent with|state of)/.test(name));
  expect(dropped).toHaveLength(2 * (malformed.length + 1));
  for (const name of dropped) {
    expect(spansOf(name).map(({ traceState }) => traceState)).toEqual(spansOf(name).map(() => ""));
  }
  const long = [...settings.entries()].filter(([, { name }]) => /^a tracestate of/.test(name));
  expect(long).toHaveLength(2);
  for (const [at] of long) {
    const { headers } = asked.find(({ provider }) => provider === `m${at}-a`) ?? {};
    expect(headers).toHaveProperty("traceparent");
    expect(headers).not.toHaveProperty("tracestate");
  }
});

test("nothing is exported but of these calls", () => {
  const known = new Set(calls.map(({ traceId }) => traceId));
  const others = spans.filter(({ traceId }) => !known.has(traceId));
  expect(new Set(others.map(({ name }) => name))).toEqual(
    new Set(["atlas.v1.InsightService/GetCall"]),
  );
});

describe("prompts and answers", () => {
  const texts = (process: Setting["process"]) =>
    spans
      .filter(({ resource }) => resource["service.instance.id"] === process)
      .flatMap(({ name, attributes }) =>
        Object.entries(attributes).map(([key, value]) => [name, key, String(value)] as const),
      );

  test("are in the span of the last attempt where they are asked for, without what is redacted", () => {
    const { attributes } =
      spansOf("a call without a trace, where all are sampled, by gRPC").find(
        ({ kind }) => kind === "CLIENT",
      ) ?? {};
    expect(attributes?.["gen_ai.input.messages"]).toContain("the question is [");
    expect(attributes?.["gen_ai.output.messages"]).toContain("the answer is [");
    expect(texts("all").filter(([, , value]) => SECRET.test(value))).toEqual([]);
  });

  test("are in no other span", () => {
    const written = texts("all").filter(([, , value]) => /question|answer is/.test(value));
    expect(new Set(written.map(([name, key]) => `${name.split(" ")[0]} ${key}`))).toEqual(
      new Set(["chat gen_ai.input.messages", "chat gen_ai.output.messages"]),
    );
  });

  test("are in no span where nobody asked for them", () => {
    expect(texts("none").length).toBeGreaterThan(0);
    expect(
      texts("none").filter(([, , value]) => /question|answer is|4111-3333/.test(value)),
    ).toEqual([]);
  });
});
