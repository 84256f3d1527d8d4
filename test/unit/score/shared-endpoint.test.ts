import { describe, expect, test } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { OutcomeDelta } from "../../../src/domain/health.ts";
import { sha256 } from "../../../src/health/sha256.ts";
import { createCellCounts, readDelta } from "../../../src/score/delta-cells.ts";
import {
  createReadingTools,
  createSharedEndpoint,
  type SharedEndpoint,
} from "../../../src/score/shared-endpoint.ts";
import { createPackingTable } from "../../../src/score/shared-window.ts";
import { hexOf, makeDelta } from "./make-report.ts";

const SLICE_MS = 30_000;
const MINUTE_MS = 60_000;

const tools = createReadingTools(sha256);

function createEndpoint(id = "e"): SharedEndpoint {
  return createSharedEndpoint(id as EndpointId, createPackingTable());
}

function add(
  endpoint: SharedEndpoint,
  slice: number,
  { storedAtMs = slice * SLICE_MS, ...changes }: Partial<OutcomeDelta> & { storedAtMs?: number },
): void {
  const counts = createCellCounts();
  readDelta(makeDelta(changes), counts);
  endpoint.addOutcomes(slice, counts, storedAtMs);
}

function read(endpoint: SharedEndpoint, nowMs: number) {
  endpoint.refresh(nowMs, tools);
  return endpoint.figures();
}

function digestOf(endpoint: SharedEndpoint, nowMs: number): string {
  endpoint.refresh(nowMs, tools);
  return hexOf(endpoint.digest() ?? new Uint8Array());
}

describe("createSharedEndpoint()", () => {
  test("has neither figures nor a digest at first", () => {
    const endpoint = createEndpoint();
    expect(read(endpoint, 0)).toBeUndefined();
    expect(endpoint.digest()).toBeUndefined();
    expect(endpoint.isHeld(0)).toBe(false);
    expect(endpoint.isDue(Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test("has figures of everything it was told", () => {
    const endpoint = createEndpoint();
    add(endpoint, 0, {
      successes: 20,
      failures: new Map([
        ["network", 2],
        ["rate-limited", 3],
      ]),
      firstToken: { buckets: [0], counts: [20] },
      throughput: { buckets: [0], counts: [20] },
      duration: { buckets: [0], counts: [5] },
    });
    endpoint.addProbe(1 * MINUTE_MS, true);
    endpoint.addClaim({ state: "up", reason: "r", untilMs: 9 * MINUTE_MS }, 2 * MINUTE_MS);
    expect(read(endpoint, 3 * MINUTE_MS)).toEqual({
      endpoint: "e",
      successes: 20,
      failures: 2,
      rateLimited: 3,
      firstTokenMs: { count: 20, p5Micro: undefined, p50Micro: 1_000_000, p95Micro: 1_000_000 },
      tokensPerSecond: { count: 20, p5Micro: 100_000, p50Micro: 100_000, p95Micro: 100_000 },
      durationMs: { count: 5, p5Micro: undefined, p50Micro: 1_000_000, p95Micro: undefined },
      goodMinutes: 2,
      observedMinutes: 3,
      recentSuccesses: 0,
      recentFailures: 0,
      recentFirstTokens: 0,
      recentFirstTokenMicro: undefined,
      outside: { state: "up", reason: "r", untilMs: 9 * MINUTE_MS },
    });
  });

  test("has no figures of what is no evidence, and holds it all the same", () => {
    const endpoint = createEndpoint();
    add(endpoint, 0, { successes: 0, failures: new Map([["canceled", 9]]) });
    expect(read(endpoint, 0)).toBeUndefined();
    expect(endpoint.digest()).toBeDefined();
    expect(endpoint.isHeld(61 * SLICE_MS - 1)).toBe(true);
    expect(endpoint.isHeld(61 * SLICE_MS)).toBe(false);
  });

  test.each<{ name: string; fill: (endpoint: SharedEndpoint) => void }>([
    { name: "rate limits", fill: (e) => add(e, 0, { failures: new Map([["rate-limited", 1]]) }) },
    { name: "failures", fill: (e) => add(e, 0, { failures: new Map([["network", 1]]) }) },
    {
      name: "first tokens of attempts the caller ended",
      fill: (e) => add(e, 0, { successes: 0, firstToken: { buckets: [1], counts: [1] } }),
    },
    { name: "a claim", fill: (e) => e.addClaim({ state: "down", reason: "", untilMs: 9 }, 0) },
  ])("takes $name for evidence", ({ fill }) => {
    const endpoint = createEndpoint();
    fill(endpoint);
    expect(read(endpoint, 1)).toBeDefined();
  });

  test("takes a probe for evidence when its minute is over", () => {
    const endpoint = createEndpoint();
    endpoint.addProbe(0, false);
    expect(read(endpoint, 0)).toBeUndefined();
    expect(read(endpoint, MINUTE_MS)).toMatchObject({ goodMinutes: 0, observedMinutes: 1 });
  });

  test("holds nothing of a report that counts nothing", () => {
    const endpoint = createEndpoint();
    add(endpoint, 0, { successes: 0 });
    expect(endpoint.isHeld(0)).toBe(false);
    expect(endpoint.isDue(0)).toBe(false);
  });

  test("counts as recent what is of the last slices, when it was stored", () => {
    const endpoint = createEndpoint();
    add(endpoint, 7, { storedAtMs: 10 * SLICE_MS });
    add(endpoint, 6, { storedAtMs: 10 * SLICE_MS, failures: new Map([["network", 5]]) });
    const figures = read(endpoint, 10 * SLICE_MS);
    expect(figures).toMatchObject({ recentSuccesses: 1, recentFailures: 0, failures: 5 });
    expect(read(endpoint, 10 * SLICE_MS + 29_999)).toMatchObject({ recentSuccesses: 1 });
    expect(read(endpoint, 11 * SLICE_MS)).toMatchObject({ recentSuccesses: 0 });
  });

  test("tells the latest first tokens for 30 s, also of answers that nobody waited for", () => {
    const endpoint = createEndpoint();
    const firstToken = { buckets: [100], counts: [6] };
    const storedAtMs = 10 * SLICE_MS;
    add(endpoint, 10, { storedAtMs, successes: 0, firstToken });
    add(endpoint, 6, { storedAtMs, firstToken });
    const latest = { recentFirstTokens: 6, recentFirstTokenMicro: 7_315_653 };
    expect(read(endpoint, storedAtMs)).toMatchObject(latest);
    const digest = digestOf(endpoint, storedAtMs + 29_999);
    expect(endpoint.isDue(storedAtMs + 29_999)).toBe(false);
    expect(endpoint.isDue(storedAtMs + 30_000)).toBe(true);
    const gone = { recentFirstTokens: 0, recentFirstTokenMicro: undefined };
    expect(read(endpoint, storedAtMs + 30_000)).toMatchObject({ successes: 1, ...gone });
    expect(digestOf(endpoint, storedAtMs + 30_000)).not.toBe(digest);
  });

  test("does not change any other figure by what is recent", () => {
    const [recent, old] = [createEndpoint(), createEndpoint()];
    for (const [endpoint, storedAtMs] of [
      [recent, 9 * SLICE_MS],
      [old, 20 * SLICE_MS],
    ] as const) {
      add(endpoint, 9, { storedAtMs, failures: new Map([["network", 50]]) });
    }
    expect(read(recent, 20 * SLICE_MS)).toEqual(read(old, 20 * SLICE_MS));
    expect(digestOf(recent, 20 * SLICE_MS)).toBe(digestOf(old, 20 * SLICE_MS));
  });

  test("keeps uptime to the end of its minute", () => {
    const endpoint = createEndpoint();
    add(endpoint, 0, {});
    expect(read(endpoint, 61 * SLICE_MS)).toMatchObject({ successes: 0, observedMinutes: 1 });
    expect(read(endpoint, 62 * SLICE_MS)).toBeUndefined();
    expect(endpoint.digest()).toBeUndefined();
  });

  test("releases the window when it has run empty", () => {
    const endpoint = createEndpoint();
    const empty = endpoint.heldBytes();
    add(endpoint, 0, {});
    expect(endpoint.heldBytes()).toBeGreaterThan(empty);
    read(endpoint, 61 * SLICE_MS);
    // The bytes that were written of its minutes stay until they are written again.
    expect(endpoint.heldBytes() - empty).toBeLessThan(16);
    add(endpoint, 61, {});
    expect(read(endpoint, 61 * SLICE_MS)).toMatchObject({ successes: 1 });
  });

  test("is due again when something was added or time changes something", () => {
    const endpoint = createEndpoint();
    const dueAfter = (nowMs: number) => {
      read(endpoint, nowMs);
      const steps = [5_000, SLICE_MS, MINUTE_MS].map(
        (step) => Math.floor(nowMs / step) * step + step,
      );
      return steps.map((stepMs) => [endpoint.isDue(stepMs - 1), endpoint.isDue(stepMs)]);
    };
    add(endpoint, 0, {});
    expect(endpoint.isDue(0)).toBe(true);
    expect(dueAfter(0)[0]).toEqual([false, true]);
    expect(dueAfter(30_000)[1]).toEqual([false, true]);
    expect(dueAfter(61 * SLICE_MS)[2]).toEqual([false, true]);
    expect(dueAfter(62 * SLICE_MS)[2]).toEqual([false, false]);
    endpoint.addProbe(62 * SLICE_MS, true);
    expect(endpoint.isDue(62 * SLICE_MS)).toBe(true);
  });

  test("is due when a claim lapses", () => {
    const endpoint = createEndpoint();
    endpoint.addClaim({ state: "up", reason: "", untilMs: 1_234 }, 0);
    expect(endpoint.isDue(0)).toBe(true);
    expect(read(endpoint, 0)?.outside).toBeDefined();
    expect([endpoint.isDue(1_233), endpoint.isDue(1_234)]).toEqual([false, true]);
    expect(read(endpoint, 1_234)).toBeUndefined();
    expect([MINUTE_MS - 1, MINUTE_MS].map(endpoint.isDue)).toEqual([false, true]);
  });

  test("is due when its newest claim lapses, and no figure changes when an older one would have", () => {
    const endpoint = createEndpoint();
    endpoint.addClaim({ state: "down", reason: "", untilMs: 5.2 * MINUTE_MS }, 0);
    endpoint.addClaim({ state: "up", reason: "", untilMs: 5.8 * MINUTE_MS }, 2 * MINUTE_MS);
    const before = read(endpoint, 5 * MINUTE_MS);
    expect(before).toMatchObject({ goodMinutes: 3, observedMinutes: 5, outside: { state: "up" } });
    expect([5.2, 5.799, 5.8].map((m) => endpoint.isDue(m * MINUTE_MS))).toEqual([
      false,
      false,
      true,
    ]);
    endpoint.addProbe(5 * MINUTE_MS, true);
    expect(read(endpoint, 5.5 * MINUTE_MS)).toEqual(before);
    expect(read(endpoint, 5.8 * MINUTE_MS)).toEqual({ ...before, outside: undefined });
  });

  test("has a digest of its id and of everything that is held", () => {
    const digests = [
      digestOf(createEndpoint(), 0),
      ...(
        [
          (e) => add(e, 0, {}),
          (e) => add(e, 0, { successes: 2 }),
          (e) => add(e, 0, { failures: new Map([["canceled", 1]]) }),
          (e) => add(e, 0, { storedAtMs: 1e9 }),
          (e) => add(e, 0, { successes: 0, failures: new Map([["network", 1]]) }),
          (e) => add(e, 0, { successes: 0, failures: new Map([["network", 1]]), storedAtMs: 1e9 }),
          (e) => e.addProbe(0, true),
          (e) => e.addProbe(0, false),
          (e) => e.addClaim({ state: "up", reason: "", untilMs: 1 }, 0),
          (e) => e.addClaim({ state: "up", reason: "r", untilMs: 1 }, 0),
          (e) => e.addClaim({ state: "down", reason: "", untilMs: 1 }, 0),
        ] satisfies ((endpoint: SharedEndpoint) => void)[]
      ).map((fill) => {
        const endpoint = createEndpoint();
        fill(endpoint);
        return digestOf(endpoint, 0);
      }),
    ];
    const other = createEndpoint("f");
    add(other, 0, {});
    expect(new Set([...digests, digestOf(other, 0)]).size).toBe(digests.length + 1);
  });

  test("has nothing in its digest of a claim that has left", () => {
    const [claimed, silent] = [createEndpoint(), createEndpoint()];
    claimed.addClaim({ state: "up", reason: "r", untilMs: 1 }, 0);
    for (const endpoint of [claimed, silent]) {
      endpoint.addProbe(9 * MINUTE_MS, true);
    }
    expect(digestOf(claimed, 31 * MINUTE_MS)).toBe(digestOf(silent, 31 * MINUTE_MS));
  });
});
