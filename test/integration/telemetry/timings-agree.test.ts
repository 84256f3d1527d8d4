import { createClient } from "@connectrpc/connect";
import { beforeAll, describe, expect, test } from "vitest";
import type { Timings } from "../../../gen/atlas/v1/completion_pb.ts";
import { InsightService } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { Tier } from "../../../gen/atlas/v1/types_pb.ts";
import { exactMs } from "../../../src/cli/exact-time.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { specOf } from "../../support/router-client.ts";
import { until } from "../../support/until.ts";
import { ways } from "./traced-call.ts";
import { catalogOf, providersOf, serveAtlas } from "./use-atlas.ts";
import { answering, failing, type Reply, startProviders } from "./use-providers.ts";

/** Each call has a tier of its own, by which its part of the histograms can be told from that of others. */

const LATE_MS = 200;

const late =
  (reply: Reply): Reply =>
  (response, asked) =>
    setTimeout(() => reply(response, asked), LATE_MS);

const model = { name: "one", providers: 2 };
const [first = "", second = ""] = providersOf(model);
const replies: Readonly<Record<string, Reply>> = {
  [first]: late(failing(500)),
  [second]: late(answering()),
};

const parts = [
  "queue",
  "plan",
  "failed_attempts",
  "upstream_first_token",
  "upstream_generation",
  "router_overhead",
] as const;

type Part = (typeof parts)[number] | "total";
type Told = Readonly<Record<Part, number>>;

const toldBy = (read: (part: Part) => number): Told => ({
  queue: read("queue"),
  plan: read("plan"),
  failed_attempts: read("failed_attempts"),
  upstream_first_token: read("upstream_first_token"),
  upstream_generation: read("upstream_generation"),
  router_overhead: read("router_overhead"),
  total: read("total"),
});

const ofTimings = (timings: Timings | undefined): Told =>
  toldBy((part) => {
    const camel = part.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    return exactMs(timings?.[camel as "total"]);
  });

const ofSpan = (span: ReceivedSpan | undefined): Told =>
  toldBy((part) => Number(span?.attributes[`atlas.timings.${part}_ms`] ?? 0));

const cases = [
  { name: "a unary call", tier: Tier.REALTIME, word: "realtime", streaming: false },
  { name: "a stream", tier: Tier.STANDARD, word: "standard", streaming: true },
] as const;

type Seen = {
  readonly answered: Told;
  readonly span: Told;
  readonly spanMs: number;
  readonly remembered: Told;
  readonly measured: Told;
};

let seen: ReadonlyMap<string, Seen>;

beforeAll(async () => {
  const receiver = await startOtlpReceiver();
  const providers = await startProviders((provider) => replies[provider] ?? failing(500));
  const atlas = await serveAtlas({
    name: "router",
    config: { ...catalogOf(providers.url, [model]), telemetry: { traces: { ratio: 1 } } },
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: "50" },
  });
  const router = createClient(RouterService, ways.gRPC(atlas));
  const insight = createClient(InsightService, ways.gRPC(atlas));
  const call = async ({ tier, streaming }: (typeof cases)[number]) => {
    const routing = { tier, providerOrder: [first, second] };
    const request = { spec: specOf("test/one"), routing };
    if (!streaming) {
      const { id, timings } = await router.complete(request);
      return { id, timings };
    }
    let id = "";
    let timings: Timings | undefined;
    for await (const { event } of router.streamComplete(request)) {
      id = event.case === "started" ? event.value.id : id;
      timings = event.case === "finished" ? event.value.timings : timings;
    }
    return { id, timings };
  };
  const made = await Promise.all(cases.map(async (one) => ({ ...one, ...(await call(one)) })));
  const spanOf = (id: string) =>
    receiver.spans.find(
      ({ name, attributes }) => name === "atlas.complete" && attributes["atlas.call.id"] === id,
    );
  await until(() => made.every(({ id }) => spanOf(id) !== undefined));
  const page = await (await fetch(`${atlas.httpUrl}/metrics`)).text();
  seen = new Map(
    await Promise.all(
      made.map(async ({ name, id, timings, word }) => {
        const span = spanOf(id);
        const { call: remembered } = await insight.getCall({ id });
        const one: Seen = {
          answered: ofTimings(timings),
          span: ofSpan(span),
          spanMs: Number((span?.endNs ?? 0n) - (span?.startNs ?? 0n)) / 1e6,
          remembered: ofTimings(remembered?.timings),
          measured: toldBy((part) => sumOf(page, part, word)),
        };
        return [name, one] as const;
      }),
    ),
  );
  await atlas.kill("SIGTERM");
  await providers.close();
  await receiver.close();
}, 30_000);

/** Of the histogram of the part, in milliseconds. */
function sumOf(page: string, part: Part, tier: string): number {
  const metric = part === "total" ? "atlas_call_duration_seconds" : "atlas_call_latency_seconds";
  const line = page
    .split("\n")
    .find(
      (one) =>
        one.startsWith(`${metric}_sum{`) &&
        one.includes(`tier="${tier}"`) &&
        (part === "total" || one.includes(`part="${part}"`)),
    );
  return Number(line?.split(" ").at(-1) ?? 0) * 1_000;
}

/** Both wires keep nanoseconds. */
function expectEqual(one: Told, other: Told): void {
  for (const part of [...parts, "total"] as const) {
    expect(one[part], part).toBeCloseTo(other[part], 4);
  }
}

describe.each(cases.map(({ name }) => name))("the times of %s", (name) => {
  const told = () => seen.get(name) as Seen;

  test("show what the providers took, but for what came while the router was busy", () => {
    const { answered } = told();
    const { failed_attempts: failedMs, router_overhead: ownMs } = answered;
    const answerMs = answered.upstream_first_token + answered.upstream_generation;
    expect(Math.min(failedMs, answerMs)).toBeGreaterThan(0);
    expect(failedMs + ownMs).toBeGreaterThan(LATE_MS - 5);
    expect(answerMs + ownMs).toBeGreaterThan(LATE_MS - 5);
    expect(failedMs + answerMs + ownMs).toBeGreaterThan(2 * LATE_MS - 5);
  });

  test("add up in the answer", () => {
    const { answered } = told();
    expect(parts.reduce((sum, part) => sum + answered[part], 0)).toBeCloseTo(answered.total, 4);
  });

  test("are those of its span, which lasts as long", () => {
    const { answered, span, spanMs } = told();
    expectEqual(span, answered);
    expect(spanMs).toBeCloseTo(answered.total, 4);
  });

  test("are those that the router remembers", () => {
    expectEqual(told().remembered, told().answered);
  });

  test("are those that the histograms have counted", () => {
    expectEqual(told().measured, told().answered);
  });
});
