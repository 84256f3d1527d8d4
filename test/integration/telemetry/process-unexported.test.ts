import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callTraced, type TracedCall, unsampled, type Way, ways } from "./traced-call.ts";
import { type AtlasProcess, catalogOf, serveAtlas, type TestModel } from "./use-atlas.ts";
import { answering, failing, type Providers, startProviders } from "./use-providers.ts";

/** A process that exports nothing: what providers are told, and what is counted instead. */

const wayNames = Object.keys(ways) as Way[];
/** One for every call that is switched, so that none meets the breakers of another. */
const modelOf = (way: Way, kind: string): TestModel => ({
  name: `${kind}-${way.toLowerCase()}`,
  providers: 2,
});
const models = wayNames.flatMap((way) =>
  ["sampled", "unsampled", "untraced", "late"].map((kind) => modelOf(way, kind)),
);
let providers: Providers;
let atlas: AtlasProcess;

beforeAll(async () => {
  providers = await startProviders((provider) =>
    provider.endsWith("-a") ? failing(500) : answering(),
  );
  const config = { ...catalogOf(providers.url, models), retry: { budgetReservePerSecond: 100 } };
  atlas = await serveAtlas({ name: "unexported", config, env: {} });
}, 30_000);

afterAll(async () => {
  await atlas.kill("SIGTERM");
  await providers.close();
});

describe.each(wayNames)("by %s, providers are told", (way) => {
  const call = async (kind: string, headers?: TracedCall["headers"]) => {
    const before = providers.asked.length;
    const made = await callTraced(ways[way](atlas), {
      model: modelOf(way, kind),
      ...(headers !== undefined && { headers }),
    });
    const told = providers.asked
      .slice(before)
      .map(({ headers: { traceparent, tracestate } }) => [traceparent, tracestate]);
    expect([made.status, told.length]).toEqual(["OK", 2]);
    return { ...made, told };
  };

  test("the span of a sampled caller, at every attempt", async () => {
    const { told, traceId, spanId } = await call("sampled");
    const theirs = [`00-${traceId}-${spanId}-01`, "vendor=1"];
    expect(told).toEqual([theirs, theirs]);
  });

  test("the span of a caller that is not sampled", async () => {
    const { told, traceId, spanId } = await call("unsampled", unsampled);
    const theirs = [`00-${traceId}-${spanId}-00`, undefined];
    expect(told).toEqual([theirs, theirs]);
  });

  test("of a trace that begins here where the caller has none", async () => {
    const { told } = await call("untraced", () => ({}));
    const ours = [expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/), undefined];
    expect(told).toEqual([ours, ours]);
  });
});

test("deadlines that were over on arrival are counted among the RPCs, and are no calls", async () => {
  const count = async (pattern: RegExp) => {
    const page = await (await fetch(`${atlas.httpUrl}/metrics`)).text();
    return page
      .split("\n")
      .filter((line) => pattern.test(line))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };
  const overdue = /^rpc_server_call_duration_seconds_count\{.*status_code="DEADLINE_EXCEEDED"/;
  const calls = /^atlas_calls_total\{/;
  const before = await count(calls);
  for (const way of wayNames) {
    const late = { model: modelOf(way, "late"), timeoutMs: 0 };
    const { status } = await callTraced(ways[way](atlas), late);
    expect(status).toBe("DEADLINE_EXCEEDED");
  }
  expect(await count(overdue)).toBe(2);
  expect(await count(calls)).toBe(before);
});
