import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type OtlpMood,
  type OtlpReceiver,
  startOtlpReceiver,
} from "../../support/otlp-receiver.ts";
import { callTraced, ways } from "./traced-call.ts";
import { type AtlasProcess, catalogOf, serveAtlas } from "./use-atlas.ts";
import { answering, type Providers, startProviders } from "./use-providers.ts";

/** A collector in every bad mood at a router that exports each of its spans at once. */

const model = { name: "one", providers: 1 };
const CALLS = 150;
const AT_A_TIME = 10;
/** `CLOSE_MS` of the router's telemetry, and what ends beside it. */
const END_WITHIN_MS = 8_000;

let receiver: OtlpReceiver;
let hanging: OtlpReceiver;
let providers: Providers;
let atlas: AtlasProcess;
let ended: Promise<{ readonly code: number | undefined; readonly tookMs: number }>;

beforeAll(async () => {
  [receiver, hanging] = await Promise.all([startOtlpReceiver(), startOtlpReceiver()]);
  hanging.setMood("hang");
  providers = await startProviders(() => answering());
  const serve = (name: string, { httpUrl }: OtlpReceiver) =>
    serveAtlas({
      name,
      config: { ...catalogOf(providers.url, [model]), telemetry: { traces: { ratio: 1 } } },
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl,
        OTEL_BSP_SCHEDULE_DELAY: "20",
        OTEL_BSP_MAX_QUEUE_SIZE: "64",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "16",
        OTEL_METRIC_EXPORT_INTERVAL: "200",
      },
    });
  const [one, other] = await Promise.all([serve("one", receiver), serve("other", hanging)]);
  atlas = one;
  await Promise.all([load(one), load(other)]);
  await hanging.asked(2);
  // Waits while the other tests run.
  ended = endOf(other);
}, 30_000);

afterAll(async () => {
  await atlas.kill("SIGKILL");
  await providers.close();
  await Promise.all([receiver.close(), hanging.close()]);
});

async function endOf(one: AtlasProcess) {
  const startedMs = performance.now();
  const code = await one.kill("SIGTERM");
  return { code, tookMs: performance.now() - startedMs };
}

/** How long each of the calls took, in milliseconds, the longest last, and how many were answered. */
async function load(one: AtlasProcess) {
  const transport = ways.gRPC(one);
  const took: number[] = [];
  let answered = 0;
  const callInTurn = async () => {
    for (let at = 0; at < CALLS / AT_A_TIME; at += 1) {
      const startedMs = performance.now();
      const { status } = await callTraced(transport, { model });
      took.push(performance.now() - startedMs);
      answered += status === "OK" ? 1 : 0;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, callInTurn));
  took.sort((left, right) => left - right);
  return { answered, medianMs: took[CALLS / 2] ?? 0, longestMs: took.at(-1) ?? 0 };
}

const LOADS = 3;

/**
 * Least of some loads: other work of the machine makes any of them longer, while an export that calls wait for
 * is in each of them.
 */
async function leastOfLoads(one: AtlasProcess) {
  let least = await load(one);
  for (let at = 1; at < LOADS; at += 1) {
    const { answered, medianMs, longestMs } = await load(one);
    least = {
      answered: least.answered + answered,
      medianMs: Math.min(least.medianMs, medianMs),
      longestMs: Math.min(least.longestMs, longestMs),
    };
  }
  return least;
}

describe("a call is not delayed by a collector", () => {
  test.each<OtlpMood>(["slow", "refuse", "hang"])("that has the mood to %s", async (mood) => {
    receiver.setMood("take");
    const healthy = await leastOfLoads(atlas);
    receiver.setMood(mood);
    const asked = receiver.headers.length;
    const { answered, medianMs, longestMs } = await leastOfLoads(atlas);
    expect(receiver.headers.length).toBeGreaterThan(asked);
    expect(answered).toBe(LOADS * CALLS);
    // An export that calls waited for would show as 200 ms or, hanging, as 10 s.
    expect(medianMs).toBeLessThan(3 * healthy.medianMs + 20);
    expect(longestMs).toBeLessThan(healthy.longestMs + 150);
  });
});

test("a process ends within its bounds while its collector hangs", async () => {
  const { code, tookMs } = await ended;
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(END_WITHIN_MS);
});
