import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HealthReportSchema } from "../../../gen/atlas/events/v1/health_report_pb.ts";
import { FailureKind } from "../../../gen/atlas/v1/types_pb.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { HealthReport, HealthSignal } from "../../../src/domain/health.ts";
import { failureKinds } from "../../../src/domain/outcome.ts";
import { decodeReport, encodeReport, MAX_REPORT_BYTES } from "../../../src/health/report-codec.ts";
import {
  durationLayout,
  firstTokenLayout,
  throughputLayout,
} from "../../../src/score/log-histogram.ts";
import { anyReport, makeReport } from "./any-report.ts";

type WireInit = MessageInitShape<typeof HealthReportSchema>;
type WireSignal = NonNullable<WireInit["signal"]>;

const tick: WireSignal = { case: "tick", value: {} };
const second = { seconds: 1n, nanos: 0 };

/** What another producer may send. */
function wire(changes: WireInit): Uint8Array {
  return toBinary(
    HealthReportSchema,
    create(HealthReportSchema, {
      producer: "p",
      boot: 1n,
      sequence: 1n,
      endpoint: "e",
      signal: { case: "breaker", value: { state: 1 } },
      ...changes,
    }),
  );
}

function problemOf(bytes: Uint8Array): string | undefined {
  const decoded = decodeReport(bytes);
  return "problem" in decoded ? decoded.problem : undefined;
}

function signalOf(changes: WireSignal): HealthSignal | undefined {
  const decoded = decodeReport(wire({ signal: changes }));
  return "problem" in decoded ? undefined : decoded.signal;
}

const histogram = (buckets: number[], counts: number[]) => ({ buckets, counts });

describe("decodeReport()", () => {
  it("gives back every report that encodeReport() wrote", () => {
    fc.assert(
      fc.property(anyReport, (report) => {
        expect(decodeReport(encodeReport(report))).toEqual(report);
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });

  it("gives back a tick, which names no endpoint", () => {
    const report = makeReport({ kind: "tick" }, { endpoint: "" as EndpointId, model: "" });
    expect(decodeReport(encodeReport(report))).toEqual(report);
  });

  it("reads bytes that are no Buffer and lie within others", () => {
    const report = makeReport({ kind: "breaker", state: "open" });
    const bytes = encodeReport(report);
    const around = new Uint8Array(bytes.length + 8);
    around.set(bytes, 3);
    expect(decodeReport(around.subarray(3, bytes.length + 3))).toEqual(report);
  });

  it("never throws, whatever the bytes", () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.nat() });
    const ids = /^\P{Cc}{1,256}$/su;
    fc.assert(
      fc.property(anyReport, mutation, (report, { at, byte, cut }) => {
        const bytes = Uint8Array.from(encodeReport(report));
        bytes[at % bytes.length] = byte;
        for (const sent of [bytes, bytes.subarray(0, cut % bytes.length)]) {
          const decoded = decodeReport(sent);
          const said = "problem" in decoded ? decoded.problem : decoded.producer;
          expect(said).toMatch(ids);
        }
      }),
      { seed: 7, numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        decodeReport(bytes);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });

  it.each<{ name: string; changes: WireInit; problem: string }>([
    { name: "no producer", changes: { producer: "" }, problem: "producer is missing" },
    {
      name: "a long producer",
      changes: { producer: "p".repeat(65) },
      problem: "producer is longer than 64 characters",
    },
    { name: "no endpoint", changes: { endpoint: "" }, problem: "endpoint is missing" },
    {
      name: "a long endpoint",
      changes: { endpoint: "e".repeat(257) },
      problem: "endpoint is longer than 256 characters",
    },
    {
      name: "a model of two lines",
      changes: { model: "a\nb" },
      problem: "model holds control characters",
    },
    {
      name: "sequence 0",
      changes: { sequence: 0n },
      problem: "sequence is not within 1 and 2^53 - 1",
    },
    {
      name: "a sequence of 2^53",
      changes: { sequence: 2n ** 53n },
      problem: "sequence is not within 1 and 2^53 - 1",
    },
    {
      name: "a time without an end",
      changes: { observeTime: { seconds: 2n ** 62n } },
      problem: "observe_time is no time",
    },
    {
      name: "negative nanoseconds",
      changes: { observeTime: { seconds: 1n, nanos: -1 } },
      problem: "observe_time is no time",
    },
    {
      name: "a tick of an endpoint",
      changes: { signal: tick },
      problem: "a tick names an endpoint",
    },
    { name: "no signal", changes: { signal: { case: undefined } }, problem: "no signal" },
  ])("refuses $name", ({ changes, problem }) => {
    expect(problemOf(wire(changes))).toBe(problem);
  });

  it("tells a signal of a later version from garbage", () => {
    const header = wire({ signal: { case: undefined } });
    const later = Buffer.concat([header, Buffer.from([0x82, 0x06, 0x00])]);
    expect(problemOf(later)).toBe("unknown signal");
    expect(problemOf(Buffer.from("garbage"))).toBe("not a HealthReport");
  });

  it("skips fields of a later version", () => {
    const later = Buffer.concat([wire({}), Buffer.from([0x82, 0x06, 0x00])]);
    expect(decodeReport(later)).toMatchObject({ signal: { kind: "breaker", state: "closed" } });
  });

  it("takes a report without a time of observation, which is 0 then", () => {
    expect(decodeReport(wire({}))).toMatchObject({ observedAtMs: 0 });
  });

  it("refuses more than 64 KB before it reads any of it", () => {
    expect(problemOf(new Uint8Array(MAX_REPORT_BYTES + 1))).toBe("larger than 64 KB");
  });

  const outcomes = (value: object): WireSignal => ({ case: "outcomes", value });

  it.each<{ name: string; signal: WireSignal; problem: string }>([
    {
      name: "a negative slice",
      signal: outcomes({ slice: -1n, layoutVersion: 1 }),
      problem: "slice is not within 0 and 2^53 - 1",
    },
    {
      name: "lists of different lengths",
      signal: outcomes({ layoutVersion: 1, firstToken: histogram([1, 2], [1]) }),
      problem: "first_token has 2 buckets and 1 counts",
    },
    {
      name: "buckets that repeat",
      signal: outcomes({ layoutVersion: 1, throughput: histogram([2, 2], [1, 1]) }),
      problem: "the buckets of throughput do not ascend",
    },
    {
      name: "a count of 0",
      signal: outcomes({ layoutVersion: 1, duration: histogram([2, 3], [1, 0]) }),
      problem: "duration counts a bucket 0 times",
    },
    {
      name: "a bucket beyond the layout of first_token",
      signal: outcomes({
        layoutVersion: 1,
        firstToken: histogram([firstTokenLayout.buckets], [1]),
      }),
      problem: `first_token has a bucket ${firstTokenLayout.buckets} of ${firstTokenLayout.buckets}`,
    },
    {
      name: "a bucket beyond the layout of throughput",
      signal: outcomes({
        layoutVersion: 1,
        throughput: histogram([throughputLayout.buckets], [1]),
      }),
      problem: `throughput has a bucket ${throughputLayout.buckets} of ${throughputLayout.buckets}`,
    },
    {
      name: "a bucket beyond the layout of duration",
      signal: outcomes({ layoutVersion: 1, duration: histogram([durationLayout.buckets], [1]) }),
      problem: `duration has a bucket ${durationLayout.buckets} of ${durationLayout.buckets}`,
    },
    {
      name: "an unspecified state",
      signal: { case: "state", value: { state: 0, ttl: second } },
      problem: "unknown state",
    },
    {
      name: "a state without a ttl",
      signal: { case: "state", value: { state: 1 } },
      problem: "a state without a ttl",
    },
    {
      name: "a state that has lapsed",
      signal: { case: "state", value: { state: 1, ttl: { seconds: 0n } } },
      problem: "a state without a ttl",
    },
    {
      name: "a ttl that breaks its type",
      signal: { case: "state", value: { state: 1, ttl: { seconds: 1n, nanos: -1 } } },
      problem: "a state without a ttl",
    },
    {
      name: "a negative wait",
      signal: { case: "rateLimit", value: { retryAfter: { seconds: -1n } } },
      problem: "retry_after is no wait",
    },
    {
      name: "a wait that breaks its type",
      signal: { case: "rateLimit", value: { retryAfter: { seconds: 1n, nanos: -1 } } },
      problem: "retry_after is no wait",
    },
    {
      name: "an unspecified breaker",
      signal: { case: "breaker", value: { state: 0 } },
      problem: "unknown state of a breaker",
    },
    {
      name: "a share of NaN",
      signal: { case: "load", value: { kvCacheUsage: Number.NaN } },
      problem: "a share is not within 0 and 1",
    },
    {
      name: "a share above 1",
      signal: { case: "load", value: { prefixCacheHitRate: 1.01 } },
      problem: "a share is not within 0 and 1",
    },
    {
      name: "a probe that answered before it began",
      signal: { case: "probe", value: { firstToken: { seconds: -1n } } },
      problem: "first_token is no wait",
    },
    {
      name: "a probe of years",
      signal: { case: "probe", value: { firstToken: { seconds: 90_000n } } },
      problem: "first_token is no wait",
    },
    {
      name: "a probe of a broken duration",
      signal: { case: "probe", value: { firstToken: { seconds: 1n, nanos: -1 } } },
      problem: "first_token is no wait",
    },
  ])("refuses $name", ({ signal, problem }) => {
    expect(problemOf(wire({ signal }))).toBe(problem);
  });

  it("hands on a layout it does not know, whose buckets only have to ascend", () => {
    const beyond = histogram([1, 90_000], [1, 2]);
    const known = { layoutVersion: 2, duration: beyond };
    expect(signalOf(outcomes(known))).toMatchObject(known);
    const broken = { layoutVersion: 2, duration: histogram([2, 1], [1, 1]) };
    expect(signalOf(outcomes(broken))).toBeUndefined();
  });

  it("leaves out failures of kinds it does not know, and those that did not happen", () => {
    const failures = { 0: 5, 1: 2, 2: 0, 99: 7 };
    expect(signalOf(outcomes({ layoutVersion: 1, failures }))).toMatchObject({
      failures: new Map([["rate-limited", 2]]),
    });
    const unknown = outcomes({ layoutVersion: 1, failures: { 99: 7 } });
    expect(signalOf(unknown)).toMatchObject({ failures: new Map() });
  });

  it("numbers failures as the public enumeration does", () => {
    const numbers = failureKinds.map(
      (kind) => FailureKind[kind.replaceAll("-", "_").toUpperCase() as keyof typeof FailureKind],
    );
    expect(numbers).toEqual(failureKinds.map((_, index) => index + 1));
  });

  it("keeps the life of a claim within a second and a day", () => {
    const state = (ttl: { seconds: bigint; nanos?: number }) =>
      signalOf({ case: "state", value: { state: 3, ttl } });
    expect(state({ seconds: 0n, nanos: 1 })).toMatchObject({ state: "down", ttlMs: 1_000 });
    expect(state({ seconds: 90_000n })).toMatchObject({ ttlMs: 86_400_000 });
  });

  it("keeps the wait of a provider within a second and five minutes", () => {
    const limit = (seconds: bigint) =>
      signalOf({ case: "rateLimit", value: { retryAfter: { seconds } } });
    expect(limit(0n)).toMatchObject({ retryAfterMs: 1_000 });
    expect(limit(3_600n)).toMatchObject({ retryAfterMs: 300_000 });
  });

  it("takes the largest number of remaining requests for plenty", () => {
    const value = { requestsRemaining: 2n ** 64n - 1n };
    expect(signalOf({ case: "rateLimit", value })).toMatchObject({
      requestsRemaining: Number.MAX_SAFE_INTEGER,
      tokensRemaining: undefined,
    });
  });
});

describe("encodeReport()", () => {
  const wild = fc.oneof(
    fc.double(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 60),
  );

  it("writes what can be read whatever the numbers are", () => {
    const report = fc.record({
      boot: fc.bigInt(),
      number: wild,
      kind: fc.constantFrom("state", "rate-limit", "load", "probe"),
    });
    fc.assert(
      fc.property(report, ({ boot, number, kind }) => {
        const signals: Record<string, HealthSignal> = {
          state: { kind: "state", state: "up", reason: "\ud800", ttlMs: number },
          "rate-limit": {
            kind: "rate-limit",
            requestsRemaining: number,
            tokensRemaining: number,
            retryAfterMs: number,
          },
          load: {
            kind: "load",
            runningRequests: number,
            waitingRequests: number,
            kvCacheUsage: number,
            prefixCacheHitRate: number,
          },
          probe: { kind: "probe", passed: true, firstTokenMs: number },
        };
        const signal = signals[kind] as HealthSignal;
        const sent: HealthReport = makeReport(signal, { boot, observedAtMs: number });
        expect(problemOf(encodeReport(sent))).toBeUndefined();
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("tells whole milliseconds", () => {
    const report = makeReport({ kind: "tick" }, { endpoint: "" as EndpointId, observedAtMs: 12.7 });
    expect(decodeReport(encodeReport(report))).toMatchObject({ observedAtMs: 12 });
  });
});
