import { beforeAll, describe, expect, test } from "vitest";
import { type ReceivedSpan, startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { until } from "../../support/until.ts";
import { catalogOf, serveAtlas, type TestModel } from "./use-atlas.ts";
import { type Asked, answering, startProviders } from "./use-providers.ts";

/** What is exported of a process that nobody calls, and that probes what it could call. */

const idle: TestModel = { name: "idle", providers: 1 };
const isProbe = ({ attributes }: ReceivedSpan) => attributes["atlas.probe"] === true;

let spans: readonly ReceivedSpan[];
let asked: readonly Asked[];

beforeAll(async () => {
  const receiver = await startOtlpReceiver();
  const providers = await startProviders(() => answering());
  const atlas = await serveAtlas({
    name: "probing",
    config: {
      ...catalogOf(providers.url, [idle]),
      prober: { mode: "all", idleMs: 1_000, intervalMs: 1_000, spendCapUsdPerDay: "1000" },
      telemetry: { traces: { ratio: 1 } },
    },
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: "100" },
  });
  await until(() => receiver.spans.some(isProbe), 20_000).catch(() => undefined);
  await atlas.kill("SIGTERM");
  await providers.close();
  await receiver.close();
  ({ spans } = receiver);
  ({ asked } = providers);
}, 40_000);

describe("a probe of a provider", () => {
  test("has a trace of its own, with what it cost", () => {
    const [probe] = spans.filter(isProbe);
    expect(probe).toMatchObject({
      name: "chat test/idle",
      kind: "CLIENT",
      parentSpanId: "",
      attributes: { "atlas.endpoint": "idle-a/chat", "server.address": "127.0.0.1" },
    });
    expect(probe?.attributes["atlas.cost.nano_usd"]).toBeGreaterThan(0);
    expect(spans.filter(({ traceId }) => traceId === probe?.traceId)).toEqual([probe]);
  });

  test("tells its trace to the provider", () => {
    const told = asked.map(({ headers }) => headers["traceparent"]);
    const probes = spans.filter(isProbe);
    expect(probes).not.toHaveLength(0);
    // The last one may have been broken off with its process.
    expect(told.slice(0, probes.length)).toEqual(
      probes.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
    );
  });
});
