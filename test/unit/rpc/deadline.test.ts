import { describe, expect, it } from "vitest";
import {
  deadlineOf,
  departureOf,
  parseConnectTimeout,
  parseGrpcTimeout,
} from "../../../src/rpc/deadline.ts";
import { durationFromMs, msFromDuration, timestampFromMs } from "../../../src/wire/wire-time.ts";

describe("parseGrpcTimeout()", () => {
  it.each([
    { value: "1m", ms: 1 },
    { value: "597H", ms: 2_149_200_000 },
    { value: "99999999H", ms: 359_999_996_400_000 },
    { value: "864000000m", ms: 864_000_000 },
    { value: "100000000H", ms: 359_999_996_400_000 },
    { value: `${"9".repeat(400)}S`, ms: 359_999_996_400_000 },
    { value: "2M", ms: 120_000 },
    { value: "3S", ms: 3_000 },
    { value: "500u", ms: 0.5 },
    { value: "0n", ms: 0 },
  ])("reads $value as $ms ms", ({ value, ms }) => {
    expect(parseGrpcTimeout(value)).toBeCloseTo(ms, 9);
  });

  it.each(["", "1", "m", "-1m", "1.5S", "1x", " 1m", "1m "])("refuses %j", (value) => {
    expect(() => parseGrpcTimeout(value)).toThrow("grpc-timeout");
  });
});

describe("parseConnectTimeout()", () => {
  it("reads milliseconds", () => {
    expect(parseConnectTimeout("9999999999")).toBe(9_999_999_999);
  });

  it("cuts what is longer than any protocol can say", () => {
    expect(parseConnectTimeout("9".repeat(400))).toBe(359_999_996_400_000);
  });

  it.each(["", "1.5", "-1", "1s"])("refuses %j", (value) => {
    expect(() => parseConnectTimeout(value)).toThrow("connect-timeout-ms");
  });
});

describe("deadlineOf()", () => {
  const limits = { defaultTimeoutMs: 300_000, maxTimeoutMs: 3_600_000 };

  it.each([
    { name: "the default without a timeout", timeoutMs: undefined, ms: 300_000 },
    { name: "the caller's timeout", timeoutMs: 1, ms: 1 },
    { name: "no more than the limit", timeoutMs: 1e15, ms: 3_600_000 },
  ])("gives $name", ({ timeoutMs, ms }) => {
    expect(deadlineOf({ receivedAtMs: 1_000, timeoutMs }, limits)).toBe(1_000 + ms);
  });
});

describe("times on the wire", () => {
  it("keep their fractions", () => {
    expect(durationFromMs(1_500.25)).toMatchObject({ seconds: 1n, nanos: 500_250_000 });
    expect(timestampFromMs(1_800_000_000_123)).toMatchObject({
      seconds: 1_800_000_000n,
      nanos: 123_000_000,
    });
    expect(msFromDuration(durationFromMs(20.5))).toBe(20.5);
  });

  it("are never negative where a length is meant", () => {
    expect(durationFromMs(-5)).toMatchObject({ seconds: 0n, nanos: 0 });
  });

  it("refuse what breaks the rules of durations", () => {
    const broken = { $typeName: "google.protobuf.Duration" as const, seconds: 1n, nanos: -1 };
    expect(msFromDuration(broken)).toBeUndefined();
    expect(msFromDuration({ ...broken, seconds: 10n ** 15n, nanos: 0 })).toBeUndefined();
    expect(msFromDuration({ ...broken, seconds: 0n, nanos: 1_000_000_000 })).toBeUndefined();
  });
});

describe("departureOf()", () => {
  const begunAtMs = 1_800_000_000_000;

  it.each([
    { name: "has no deadline", timeoutMs: undefined, afterMs: 400_000, code: "canceled" },
    { name: "leaves early", timeoutMs: 1_000, afterMs: 979, code: "canceled" },
    { name: "leaves with its deadline", timeoutMs: 1_000, afterMs: 980, code: "deadline-exceeded" },
    { name: "leaves late", timeoutMs: 1_000, afterMs: 1_500, code: "deadline-exceeded" },
    { name: "has little time and leaves early", timeoutMs: 10, afterMs: 8, code: "canceled" },
    { name: "has little time", timeoutMs: 10, afterMs: 9, code: "deadline-exceeded" },
  ])("of a caller that $name is $code", ({ timeoutMs, afterMs, code }) => {
    expect(departureOf({ begunAtMs }, timeoutMs, begunAtMs + afterMs).code).toBe(code);
  });
});
