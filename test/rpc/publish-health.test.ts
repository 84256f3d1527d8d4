import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { StateSignal_State as State } from "../../gen/atlas/events/v1/health_report_pb.ts";
import {
  type PublishHealthRequestSchema,
  ScoringService,
} from "../../gen/atlas/v1/scoring_service_pb.ts";
import { BadRequestSchema, ResourceInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { errorOf, reasonOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";
import { createSharedHealth } from "../support/shared-health.ts";

type Request = MessageInitShape<typeof PublishHealthRequestSchema>;
type Signal = NonNullable<Request["signal"]>;

const minutes = (count: number) => durationFromMs(count * 60_000);
const endpoint = "acme/eu/one";
const source = "deploy@ci:7";

function world() {
  const shared = createSharedHealth();
  const { transport } = createRpcInMemory(scriptedRouter(), { health: shared.health });
  const client = createClient(ScoringService, transport);
  const publish = (signal: Signal) => client.publishHealth({ endpoint, source, signal });
  return { ...shared, client, publish };
}

const down = (changes: object = {}): Signal => ({
  case: "state",
  value: { state: State.DOWN, reason: "r", ttl: minutes(10), ...changes },
});

/** `field: description` of every violation. */
async function violationsOf(call: Promise<unknown>): Promise<readonly string[]> {
  const error = await errorOf(call);
  expect(error.code).toBe(Code.InvalidArgument);
  expect(reasonOf(error)).toBe("INVALID_REQUEST");
  return error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) =>
      fieldViolations.map(({ field, description }) => `${field}: ${description}`),
    );
}

describe("PublishHealth", () => {
  it.each([
    { state: State.UP, is: "up" },
    { state: State.DEGRADED, is: "degraded" },
    { state: State.DOWN, is: "down" },
    { state: State.DRAINING, is: "draining" },
  ])("passes a claim of $is on", async ({ state, is }) => {
    const { publish, published } = world();
    await publish(down({ state }));
    const signal = { kind: "state", state: is, reason: "r", ttlMs: 600_000 };
    expect(published).toEqual([{ endpoint, source, signal }]);
  });

  it("names the source where a claim gives no reason", async () => {
    const { publish, published } = world();
    await publish(down({ reason: "" }));
    expect(published[0]?.signal).toMatchObject({ reason: "told by deploy@ci:7" });
  });

  it.each<{ name: string; signal: Signal; is: object }>([
    {
      name: "a rate limit",
      signal: {
        case: "rateLimit",
        value: { requestsRemaining: 5n, tokensRemaining: 2n ** 60n, retryAfter: minutes(1) },
      },
      is: {
        kind: "rate-limit",
        requestsRemaining: 5,
        tokensRemaining: Number.MAX_SAFE_INTEGER,
        retryAfterMs: 60_000,
      },
    },
    {
      name: "a wait alone",
      signal: { case: "rateLimit", value: { retryAfter: durationFromMs(0) } },
      is: {
        kind: "rate-limit",
        requestsRemaining: undefined,
        tokensRemaining: undefined,
        retryAfterMs: 0,
      },
    },
    {
      name: "load",
      signal: { case: "load", value: { runningRequests: 3, waitingRequests: 4, kvCacheUsage: 1 } },
      is: {
        kind: "load",
        runningRequests: 3,
        waitingRequests: 4,
        kvCacheUsage: 1,
        prefixCacheHitRate: undefined,
      },
    },
    {
      name: "a probe",
      signal: { case: "probe", value: { passed: true, firstToken: durationFromMs(120.5) } },
      is: { kind: "probe", passed: true, firstTokenMs: 120.5 },
    },
    {
      name: "a probe that failed",
      signal: { case: "probe", value: {} },
      is: { kind: "probe", passed: false, firstTokenMs: undefined },
    },
  ])("passes $name on", async ({ signal, is }) => {
    const { publish, published } = world();
    await publish(signal);
    expect(published.map((report) => report.signal)).toEqual([is]);
  });

  it.each<{ signal: Signal; violations: readonly string[] }>([
    {
      signal: { case: "state", value: {} },
      violations: [
        "state.state: must be STATE_UP, STATE_DEGRADED, STATE_DOWN or STATE_DRAINING",
        "state.ttl: must be above 0 and at most 30 minutes",
      ],
    },
    {
      signal: down({ state: 99 }),
      violations: ["state.state: must be STATE_UP, STATE_DEGRADED, STATE_DOWN or STATE_DRAINING"],
    },
    {
      signal: down({ reason: "x".repeat(201) }),
      violations: ["state.reason: must have at most 200 characters"],
    },
    {
      signal: down({ ttl: durationFromMs(0) }),
      violations: ["state.ttl: must be above 0 and at most 30 minutes"],
    },
    {
      signal: down({ ttl: durationFromMs(30 * 60_000 + 1) }),
      violations: ["state.ttl: must be above 0 and at most 30 minutes"],
    },
    {
      signal: down({ ttl: { seconds: 1n, nanos: -1 } }),
      violations: ["state.ttl: must be above 0 and at most 30 minutes"],
    },
    {
      signal: { case: "rateLimit", value: {} },
      violations: ["rate_limit: must say something"],
    },
    {
      signal: { case: "rateLimit", value: { retryAfter: durationFromMs(-1) } },
      violations: ["rate_limit.retry_after: must be from 0 to 1 hour"],
    },
    {
      signal: { case: "rateLimit", value: { retryAfter: minutes(61) } },
      violations: ["rate_limit.retry_after: must be from 0 to 1 hour"],
    },
    {
      signal: { case: "load", value: { kvCacheUsage: 1.01, prefixCacheHitRate: Number.NaN } },
      violations: [
        "load.kv_cache_usage: must be from 0 to 1",
        "load.prefix_cache_hit_rate: must be from 0 to 1",
      ],
    },
    {
      signal: { case: "probe", value: { passed: false, firstToken: durationFromMs(1) } },
      violations: ["probe.first_token: must be absent from a probe that failed"],
    },
    {
      signal: { case: "probe", value: { passed: true, firstToken: minutes(11) } },
      violations: ["probe.first_token: must be from 0 to 10 minutes"],
    },
  ])("refuses $violations", async ({ signal, violations }) => {
    const { publish, published } = world();
    expect(await violationsOf(publish(signal))).toEqual(violations);
    expect(published).toEqual([]);
  });

  it("tells every problem of a request at once", async () => {
    expect(await violationsOf(world().client.publishHealth({ source: "two words" }))).toEqual([
      "endpoint: must have 1 to 256 characters",
      "source: must be 1 to 64 letters, digits and any of . _ : @ / -",
      "signal: is required",
    ]);
  });

  it("refuses an endpoint that the catalogue does not have", async () => {
    const { client, published } = world();
    const error = await errorOf(client.publishHealth({ endpoint: "no", source, signal: down() }));
    expect(error.code).toBe(Code.NotFound);
    expect(reasonOf(error)).toBe("ENDPOINT_NOT_FOUND");
    expect(error.findDetails(ResourceInfoSchema)).toMatchObject([
      { resourceType: "atlas.v1.Endpoint", resourceName: "no" },
    ]);
    expect(published).toEqual([]);
  });

  it("is not there where nobody takes reports", async () => {
    const { transport } = createRpcInMemory();
    const client = createClient(ScoringService, transport);
    const error = await errorOf(client.publishHealth({ endpoint, source, signal: down() }));
    expect(error.code).toBe(Code.Unimplemented);
  });
});
