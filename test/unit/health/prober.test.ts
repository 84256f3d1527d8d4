import { describe, expect, test } from "vitest";
import { BusUnavailable, type LeaseTable } from "../../../src/domain/bus.ts";
import type { CancelSignal } from "../../../src/domain/cancel.ts";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { ProbeSignal } from "../../../src/domain/health.ts";
import type { ScoreSnapshot } from "../../../src/domain/score.ts";
import { type ProbeResult, type ProberOptions, startProber } from "../../../src/health/prober.ts";
import { createTrafficClock } from "../../../src/health/traffic-clock.ts";
import { createRandom } from "../../../src/simulator/random.ts";
import { exampleScore } from "../../support/example-score.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const MINUTE = 60_000;
const PASSED: ProbeSignal = { kind: "probe", passed: true, firstTokenMs: 9 };
const FAILED: ProbeSignal = { kind: "probe", passed: false, firstTokenMs: undefined };

/** A table of one lease that others may hold. */
function leaseTable() {
  let holder: string | undefined;
  let isAway = false;
  const leases: LeaseTable = {
    async take(_, owner) {
      if (isAway) {
        throw new BusUnavailable("away");
      }
      holder ??= owner;
      return holder === owner;
    },
    async release(_, owner) {
      holder = holder === owner ? undefined : holder;
    },
    holder: async () => holder,
  };
  return {
    leases,
    holder: () => holder,
    give(owner: string | undefined) {
      holder = owner;
    },
    setAway(away: boolean) {
      isAway = away;
    },
  };
}

type Script = (endpoint: Endpoint, signal: CancelSignal) => Promise<ProbeResult>;

const passes: Script = async () => ({ signal: PASSED, costNanoUsd: undefined });

/** Ends only when it is told to stop. */
const hangs: Script = (_, signal) =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve({ signal: FAILED, costNanoUsd: undefined }));
  });

function world(changes: Partial<ProberOptions> = {}, clock = createManualClock()) {
  const table = leaseTable();
  const startMs = clock.nowMs();
  const probed: { readonly id: string; readonly afterMs: number }[] = [];
  const told: { readonly id: string; readonly signal: ProbeSignal }[] = [];
  const logged: string[] = [];
  const probe = changes.probe ?? passes;
  const options: ProberOptions = {
    leases: table.leases,
    owner: "me",
    endpoints: () => [exampleEndpoint("a")],
    lastTrafficMs: () => undefined,
    knownUntilMs: clock.nowMs,
    signal: (id, signal) => told.push({ id, signal }),
    costOf: () => 0,
    dailyCapNanoUsd: 0,
    idleMs: MINUTE,
    intervalMs: MINUTE,
    concurrency: 4,
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    random: () => 0.5,
    log: (_, message) => logged.push(message),
    ...changes,
    probe(endpoint, signal) {
      probed.push({ id: endpoint.id, afterMs: clock.nowMs() - startMs });
      return probe(endpoint, signal);
    },
  };
  return { clock, table, probed, told, logged, prober: startProber(options) };
}

describe("startProber()", () => {
  test("probes an idle endpoint a minute after the start, and every minute from there on", async () => {
    const { clock, probed, told, prober } = world();
    await clock.advance(59_999);
    expect(probed).toEqual([]);
    await clock.advance(3 * MINUTE);
    expect(probed.map(({ afterMs }) => afterMs)).toEqual([60_000, 120_000, 180_000]);
    expect(told).toEqual(Array.from({ length: 3 }, () => ({ id: "a", signal: PASSED })));
    expect(prober.stats()).toMatchObject({ leading: true, passed: 3, failed: 0, running: 0 });
  });

  test.each([
    { random: 0, nextMs: 48_000 },
    { random: 0.999_999, nextMs: 72_000 },
  ])("waits $nextMs ms where chance says $random", async ({ random, nextMs }) => {
    const { clock, probed } = world({ random: () => random });
    await clock.advance(10 * MINUTE);
    const [first, second] = probed;
    expect((second?.afterMs ?? 0) - (first?.afterMs ?? 0)).toBe(nextMs);
  });

  test("leaves an endpoint alone that was called within the last minute, on any replica", async () => {
    let lastMs = 0;
    const { clock, probed } = world({ lastTrafficMs: () => lastMs });
    for (let minute = 0; minute < 10; minute += 1) {
      lastMs = clock.nowMs();
      await clock.advance(59_000);
    }
    expect(probed).toEqual([]);
    await clock.advance(2_000);
    expect(probed).toHaveLength(1);
  });

  test("spreads the first probes of a fleet over the interval", async () => {
    const chances = [0.1, 0.7, 0.3, 0.5];
    const ids = ["a", "b", "c", "d"];
    const { clock, probed } = world({
      endpoints: () => ids.map((id) => exampleEndpoint(id)),
      random: () => chances.shift() ?? 0.5,
      idleMs: 1_000,
    });
    await clock.advance(58_000);
    expect(new Set(probed.map(({ afterMs }) => afterMs)).size).toBe(4);
  });

  test("runs no more probes at a time than it may, and no endpoint twice", async () => {
    const ids = ["a", "b", "c", "d", "e"];
    const { clock, probed, prober } = world({
      endpoints: () => ids.map((id) => exampleEndpoint(id)),
      probe: hangs,
      concurrency: 3,
    });
    await clock.advance(10 * MINUTE);
    expect(probed.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(prober.stats().running).toBe(3);
  });

  test("tells what failed, and nothing where the answer says nothing", async () => {
    const results = [{ signal: FAILED }, { signal: undefined }];
    const { clock, told, prober } = world({
      probe: async () => ({ costNanoUsd: undefined, signal: results.shift()?.signal }),
    });
    await clock.advance(2 * MINUTE);
    expect(told).toEqual([{ id: "a", signal: FAILED }]);
    expect(prober.stats()).toMatchObject({ failed: 1, silent: 1, passed: 0 });
  });

  test("logs a defect of a probe and goes on", async () => {
    const { clock, probed, logged } = world({ probe: () => Promise.reject(new Error("defect")) });
    await clock.advance(2 * MINUTE);
    expect(probed).toHaveLength(2);
    expect(logged.filter((message) => message === "a probe ended by a defect")).toHaveLength(2);
  });

  test("leaves out what nobody knows the cost of", async () => {
    const { clock, probed, prober } = world({ costOf: () => undefined });
    await clock.advance(3 * MINUTE);
    expect(probed).toEqual([]);
    expect(prober.stats().unpriced).toBe(3);
  });

  test("spends no more than the allowance of the time it leads", async () => {
    const HOUR = 60 * MINUTE;
    const { clock, probed, prober } = world({ costOf: () => 100, dailyCapNanoUsd: 2_500 });
    await clock.advance(10 * HOUR);
    expect(probed.length).toBeGreaterThanOrEqual(9);
    expect(probed.length).toBeLessThanOrEqual(10);
    expect(prober.stats().unaffordable).toBeGreaterThan(500);
  });

  test("books what a probe has really cost", async () => {
    const { clock, probed } = world({
      costOf: () => 100,
      dailyCapNanoUsd: 2_500,
      probe: async () => ({ signal: PASSED, costNanoUsd: 1 }),
    });
    await clock.advance(90 * MINUTE);
    expect(probed.length).toBeGreaterThan(25);
  });

  test("starts with an empty allowance after another process led", async () => {
    const { clock, table, probed } = world({ costOf: () => 100, dailyCapNanoUsd: 2_500 });
    await clock.advance(59 * MINUTE);
    table.give("other");
    await clock.advance(5 * MINUTE);
    table.give(undefined);
    await clock.advance(59 * MINUTE);
    expect(probed).toEqual([]);
  });

  test("probes nothing while another process leads, and takes over after it", async () => {
    const { clock, table, probed, prober } = world();
    table.give("other");
    await clock.advance(5 * MINUTE);
    expect(probed).toEqual([]);
    expect(prober.stats().leading).toBe(false);
    table.give(undefined);
    await clock.advance(2 * MINUTE);
    expect(probed).not.toEqual([]);
  });

  test("stops when the lease has lapsed while the bus is away", async () => {
    const { clock, table, probed } = world();
    await clock.advance(2 * MINUTE);
    const before = probed.length;
    table.setAway(true);
    await clock.advance(5 * MINUTE);
    expect(probed.length).toBeLessThanOrEqual(before + 1);
  });

  test("does not compete while there is nothing to probe", async () => {
    const { clock, table } = world({ endpoints: () => [] });
    await clock.advance(5 * MINUTE);
    expect(table.holder()).toBeUndefined();
  });

  test("forgets endpoints that are gone, and takes those that come, of whose past it knows nothing", async () => {
    let ids = ["a"];
    const { clock, probed } = world({ endpoints: () => ids.map((id) => exampleEndpoint(id)) });
    await clock.advance(MINUTE);
    ids = ["b"];
    await clock.advance(2 * MINUTE);
    expect(probed).toEqual([
      { id: "a", afterMs: 60_000 },
      { id: "b", afterMs: 121_000 },
    ]);
  });

  test("breaks off what runs when it is closed, tells nothing of it and gives the lease back", async () => {
    const { clock, table, told, prober } = world({ probe: hangs });
    await clock.advance(MINUTE);
    expect(prober.stats().running).toBe(1);
    await prober.close();
    expect(told).toEqual([]);
    expect(table.holder()).toBeUndefined();
    expect(clock.pending()).toBe(0);
  });

  test("does not wait for ever for a probe that ignores the end", async () => {
    const { clock, prober } = world({ probe: () => new Promise(() => undefined) });
    await clock.advance(MINUTE);
    const closed = prober.close();
    await clock.advance(1_000);
    await closed;
    expect(clock.pending()).toBe(0);
  });

  test("probes nothing while the scores are older than 30 s, and first looks on for a minute again after it", async () => {
    // What the last scorer published: others call it all the time, and nobody tells any more.
    const clock = createManualClock();
    const startMs = clock.nowMs();
    const recent = { successes: 100, failures: 0 };
    const scores = new Map([["a" as EndpointId, exampleScore({ recent })]]);
    let snapshot: ScoreSnapshot = { revision: 1, windowEndMs: startMs, scores };
    const { lastTrafficMs, knownUntilMs } = createTrafficClock(() => snapshot);
    const { probed, prober, table } = world({ lastTrafficMs, knownUntilMs }, clock);
    await clock.advance(25_000);
    expect(prober.stats().leading).toBe(true);
    await clock.advance(10 * MINUTE - 25_000);
    expect(probed).toEqual([]);
    // Whoever hears of calls may probe meanwhile.
    expect(table.holder()).toBeUndefined();
    const told = Array.from({ length: 180 }, (_, second) => second);
    for (const second of told) {
      snapshot = { revision: 2 + second, windowEndMs: clock.nowMs(), scores: new Map() };
      await clock.advance(1_000);
    }
    expect(probed).toHaveLength(2);
    expect(probed[0]?.afterMs).toBeGreaterThanOrEqual(11 * MINUTE);
    expect(prober.stats().leading).toBe(true);
  });

  test("probes nothing before there are any scores", async () => {
    let knownUntilMs = 0;
    const { clock, probed } = world({ knownUntilMs: () => knownUntilMs });
    await clock.advance(10 * MINUTE);
    expect(probed).toEqual([]);
    knownUntilMs = Number.POSITIVE_INFINITY;
    await clock.advance(2 * MINUTE);
    expect(probed).not.toEqual([]);
  });

  test("does not take for quiet what scores do not tell of yet", async () => {
    const clock = createManualClock();
    const { probed } = world({ knownUntilMs: () => clock.nowMs() - 6_000 }, clock);
    await clock.advance(65_000);
    expect(probed).toEqual([]);
    await clock.advance(1_000);
    expect(probed).toHaveLength(1);
  });

  test("asks for the traffic of every endpoint each second, whoever leads", async () => {
    const asked: string[] = [];
    const ids = ["a", "b"];
    const { clock, table } = world({
      endpoints: () => ids.map((id) => exampleEndpoint(id)),
      lastTrafficMs(id) {
        asked.push(id);
        return undefined;
      },
    });
    table.give("another");
    await clock.advance(2_000);
    table.give(undefined);
    await clock.advance(2 * MINUTE);
    expect(asked).toEqual(Array.from({ length: 122 }, () => ids).flat());
  });

  test("one that takes over spreads its first probes, however long it has looked on", async () => {
    const ids = ["a", "b", "c"];
    const { clock, probed, table } = world({
      endpoints: () => ids.map((id) => exampleEndpoint(id)),
      random: createRandom(3),
    });
    table.give("another");
    await clock.advance(10 * MINUTE);
    table.give(undefined);
    await clock.advance(MINUTE + 4_000);
    expect(new Set(probed.slice(0, 3).map(({ afterMs }) => afterMs)).size).toBe(3);
  });

  test.each([
    { name: "a call every 45 s", everyMs: 45_000, isProbed: false },
    { name: "a call every 75 s", everyMs: 75_000, isProbed: false },
    { name: "a call every 2 minutes", everyMs: 120_000, isProbed: true },
    { name: "a call every 5 minutes", everyMs: 300_000, isProbed: true },
  ])("leaves alone what another replica calls: $name", async ({ everyMs, isProbed }) => {
    // Older calls leave the window as new ones come: counts alone do not always grow.
    const calls: number[] = [];
    for (let at = -3_530_000; at < 3_600_000; at += everyMs) {
      calls.push(at);
    }
    const clock = createManualClock();
    const startMs = clock.nowMs();
    const within = (ms: number) => {
      const afterMs = clock.nowMs() - startMs;
      return calls.filter((at) => at <= afterMs && at > afterMs - ms).length;
    };
    const traffic = createTrafficClock(() => {
      const recent = { successes: within(30_000), failures: 0 };
      const counts = { successes: within(30 * MINUTE), failures: 0, rateLimited: 0, recent };
      const scores = new Map([["a" as EndpointId, exampleScore(counts)]]);
      return { revision: 1, windowEndMs: clock.nowMs(), scores };
    });
    const { lastTrafficMs } = traffic;
    const { probed } = world({ random: createRandom(7), lastTrafficMs }, clock);
    await clock.advance(30 * MINUTE);
    const tooEarly = probed.filter(({ afterMs }) =>
      calls.some((at) => at <= afterMs && at > afterMs - MINUTE),
    );
    expect(tooEarly).toEqual([]);
    // A call shows for half a minute, so that of every gap as much is lost to probes.
    expect(probed.length > 0).toBe(isProbed);
  });
});
