import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { InsightService, ListCallsRequest_Kind } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { specOf } from "../../support/router-client.ts";
import { until } from "../../support/until.ts";
import { ways } from "./traced-call.ts";
import { catalogOf, serveAtlas } from "./use-atlas.ts";
import { answering, startProviders } from "./use-providers.ts";

/** What `atlas serve` tells of calls that never reach a provider: repeats, and those it refuses. */

const ID = "7d444840-9dc0-41b2-8a6f-5c1c8b5f2b11";
const FIRST = "1".repeat(32);
const SECOND = "2".repeat(32);
const sampled = (traceId: string) => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` });

async function start() {
  const receiver = await startOtlpReceiver();
  const providers = await startProviders(() => answering());
  const atlas = await serveAtlas({
    name: "router",
    config: catalogOf(providers.url, [{ name: "one", providers: 1 }]),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.httpUrl, OTEL_BSP_SCHEDULE_DELAY: "50" },
  });
  return {
    receiver,
    router: createClient(RouterService, ways.gRPC(atlas)),
    insight: createClient(InsightService, ways.gRPC(atlas)),
    lines: () =>
      atlas
        .output()
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line): Record<string, unknown> => JSON.parse(line)),
    async [Symbol.asyncDispose]() {
      await atlas.kill("SIGTERM");
      await providers.close();
      await receiver.close();
    },
  };
}

test("a repeat is told of as one, and leads to the call that it repeats", async () => {
  await using world = await start();
  const { router, receiver, lines } = world;
  const asked = { spec: specOf("test/one"), requestId: ID };
  const answer = await router.complete(asked, { headers: sampled(FIRST) });
  const repeat = await router.complete(asked, { headers: sampled(SECOND) });
  expect(repeat.timings).toEqual(answer.timings);
  const spansOf = (trace: string) => receiver.spans.filter(({ traceId }) => traceId === trace);
  const call = await until(() => spansOf(FIRST).find(({ name }) => name === "atlas.complete"));
  await until(() => spansOf(SECOND).length > 0);
  expect(spansOf(SECOND)).toMatchObject([
    {
      name: "atlas.v1.RouterService/Complete",
      attributes: { "atlas.replayed": true, "atlas.call.id": ID },
      links: [{ traceId: FIRST, spanId: call.spanId }],
    },
  ]);
  const told = await until(() => lines().find(({ msg }) => msg === "answered again"));
  expect(told).toMatchObject({ level: "info", call: ID, trace: SECOND, firstTrace: FIRST });
  expect(lines().filter(({ msg }) => msg === "call ended")).toHaveLength(1);
}, 30_000);

test("every one of a few refusals has its line, and none is among the failures", async () => {
  await using world = await start();
  const { router, insight, lines } = world;
  const refusals = await Promise.all(
    [1, 2, 3].map(() => router.complete({ spec: specOf("nobody/nothing") }).catch(String)),
  );
  expect(refusals.every((error) => String(error).includes("not_found"))).toBe(true);
  const refused = () => lines().filter(({ msg }) => msg === "call refused");
  await until(() => refused().length === 3);
  const { calls } = await insight.listCalls({ kind: ListCallsRequest_Kind.REFUSED });
  expect(calls.map(({ id }) => id).sort()).toEqual(
    refused()
      .map(({ call }) => call)
      .sort(),
  );
  expect((await insight.listCalls({ kind: ListCallsRequest_Kind.FAILED })).calls).toEqual([]);
}, 30_000);
