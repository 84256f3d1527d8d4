import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { StateSignal_State } from "../../../gen/atlas/events/v1/health_report_pb.ts";
import {
  ScoringService,
  WatchScoresRequestSchema,
} from "../../../gen/atlas/v1/scoring_service_pb.ts";
import { exampleScore } from "../../support/example-score.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { errorOf, reasonOf } from "../../support/rpc-errors.ts";
import { useRpcListeners } from "../../support/rpc-listeners.ts";
import { createSharedHealth } from "../../support/shared-health.ts";
import { until } from "../../support/until.ts";

type Way = {
  readonly name: string;
  readonly which: "grpc" | "http";
  readonly transport: (baseUrl: string) => Transport;
};

const ways: readonly Way[] = [
  {
    name: "gRPC port",
    which: "grpc",
    transport: (baseUrl) => createGrpcTransport({ baseUrl }),
  },
  {
    name: "HTTP port over gRPC",
    which: "http",
    transport: (baseUrl) => createGrpcTransport({ baseUrl }),
  },
  {
    name: "HTTP port over gRPC-Web",
    which: "http",
    transport: (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  },
  {
    name: "HTTP port over Connect",
    which: "http",
    transport: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  },
];

async function world({ which, transport }: Way) {
  const shared = createSharedHealth();
  const { health, scores } = shared;
  const listeners = await useRpcListeners({ handlers: { health, scores } });
  const { port } = listeners[which];
  const client = createClient(ScoringService, transport(`http://127.0.0.1:${port}`));
  return { ...shared, client };
}

const scoresOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`e-${index}`, exampleScore()]));

describe.each(ways)("the scoring service on the $name", (way) => {
  it("tells the present scores", async () => {
    const { client, setScores } = await world(way);
    setScores(4, { a: exampleScore() });
    const { snapshot } = await client.getScores({ endpoints: ["a", "b"] });
    expect(snapshot).toMatchObject({ revision: 4n, scores: [{ endpoint: "a" }] });
  });

  it("sends the present scores and the next revision, until the caller leaves", async () => {
    const { client, setScores, listeners } = await world(way);
    const controller = new AbortController();
    const stream = client.watchScores({}, { signal: controller.signal });
    const iterator = stream[Symbol.asyncIterator]();
    expect((await iterator.next()).value?.snapshot?.revision).toBe(0n);
    setScores(1);
    expect((await iterator.next()).value?.snapshot?.revision).toBe(1n);
    controller.abort();
    expect((await errorOf(iterator.next())).code).toBe(Code.Canceled);
    await until(() => listeners() === 0);
  });

  it("passes a report on", async () => {
    const { client, published } = await world(way);
    await client.publishHealth({
      endpoint: "acme/eu/one",
      source: "status-page",
      signal: {
        case: "state",
        value: { state: StateSignal_State.DOWN, reason: "fire", ttl: durationFromMs(60_000) },
      },
    });
    const signal = { kind: "state", state: "down", reason: "fire", ttlMs: 60_000 };
    expect(published).toEqual([{ endpoint: "acme/eu/one", source: "status-page", signal }]);
  });

  it("refuses a report about an endpoint that it does not know", async () => {
    const { client } = await world(way);
    const signal = { case: "probe", value: { passed: true } } as const;
    const error = await errorOf(client.publishHealth({ endpoint: "no", source: "s", signal }));
    expect(error.code).toBe(Code.NotFound);
    expect(reasonOf(error)).toBe("ENDPOINT_NOT_FOUND");
  });

  it("sends a snapshot that is larger than what may wait for a slow reader", async () => {
    const { client, setScores } = await world(way);
    setScores(1, scoresOf(12_000));
    const stream = client.watchScores({});
    const { value } = await stream[Symbol.asyncIterator]().next();
    expect(value?.snapshot?.scores).toHaveLength(12_000);
  });
});

it("keeps one message for a caller that does not read, and not every revision", async () => {
  const shared = createSharedHealth();
  const { health, scores, setScores } = shared;
  const encodings = vi.fn(health.outside);
  const { nowMs, schedule, advance } = createManualClock();
  const { grpc } = await useRpcListeners({
    handlers: { scores, health: { ...health, outside: encodings }, nowMs, schedule },
  });
  setScores(1, scoresOf(5_000));
  const session = connect(`http://127.0.0.1:${grpc.port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": "/atlas.v1.ScoringService/WatchScores",
    "content-type": "application/grpc",
    te: "trailers",
  });
  // Without a reader the window of HTTP/2 closes after 64 KiB.
  stream.pause();
  const message = toBinary(WatchScoresRequestSchema, create(WatchScoresRequestSchema));
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  stream.end(frame);
  await until(() => encodings.mock.calls.length === 5_000);
  for (let revision = 2; revision <= 4; revision += 1) {
    setScores(revision, scoresOf(5_000));
    await advance(1_000);
  }
  expect(encodings).toHaveBeenCalledTimes(5_000);
});
