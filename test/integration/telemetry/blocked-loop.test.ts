import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Timings } from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { exactMs } from "../../../src/cli/exact-time.ts";
import { specOf } from "../../support/router-client.ts";
import { type RunningRouter, startRouter } from "../../support/running-router.ts";
import { catalogOf } from "./use-atlas.ts";

/** The router shares the event loop of this test, which blocks it; its provider answers from another thread. */

const BLOCKED_MS = 400;

/** Over while the loop is blocked, and after the provider has answered. Told to the router alone. */
const DEADLINE = { "grpc-timeout": "300m" };

let provider: Worker;
let router: RunningRouter;
/** What happens here as soon as the provider has a request. */
let meanwhile: (() => void) | undefined;

beforeAll(async () => {
  provider = new Worker(new URL("./provider-apart.ts", import.meta.url));
  const [url]: unknown[] = await once(provider, "message");
  provider.on("message", () => meanwhile?.());
  const catalog = catalogOf(String(url), [{ name: "one", providers: 1 }]);
  // JSON is YAML.
  router = await startRouter({
    config: JSON.stringify({ prober: { mode: "off" }, ...catalog }),
  });
  // What only a first call costs, such as a connection, is not what is measured.
  await clientOf().complete({ spec: specOf("test/one") });
});

afterAll(async () => {
  await router.stop();
  await provider.terminate();
});

function clientOf() {
  return createClient(RouterService, createGrpcTransport({ baseUrl: router.grpcUrl }));
}

/** As soon as the provider has a request. */
function block(): void {
  const untilMs = performance.now() + BLOCKED_MS;
  while (performance.now() < untilMs) {
    // Nothing else has a turn.
  }
}

type Headers = Readonly<Record<string, string>>;

async function timingsOfUnary(headers: Headers = {}): Promise<Timings | undefined> {
  return (await clientOf().complete({ spec: specOf("test/one") }, { headers })).timings;
}

async function timingsOfStream(headers: Headers = {}): Promise<Timings | undefined> {
  let timings: Timings | undefined;
  const answer = clientOf().streamComplete({ spec: specOf("test/one") }, { headers });
  for await (const { event } of answer) {
    timings = event.case === "finished" ? event.value.timings : timings;
  }
  return timings;
}

const calls = [
  { name: "a unary call", call: timingsOfUnary },
  { name: "a stream", call: timingsOfStream },
];

/** The block is in the total, and most of that is ours. */
function expectOverhead(timings: Timings | undefined): void {
  const totalMs = exactMs(timings?.total);
  expect(totalMs).toBeGreaterThan(BLOCKED_MS);
  expect(exactMs(timings?.routerOverhead)).toBeGreaterThan(totalMs / 2);
}

test.each(calls)(
  "what $name waits while the event loop is blocked is overhead",
  async ({ call }) => {
    meanwhile = block;
    expectOverhead(await call());
  },
);

test.each(calls)(
  "$name whose deadline passes meanwhile ends as what had arrived by then",
  async ({ call }) => {
    meanwhile = block;
    expectOverhead(await call(DEADLINE));
  },
);

test.each(calls)("what $name waits for its provider is not", async ({ call }) => {
  meanwhile = undefined;
  const timings = await call();
  const providerMs = exactMs(timings?.upstreamFirstToken) + exactMs(timings?.upstreamGeneration);
  expect(providerMs).toBeGreaterThan(50);
});
