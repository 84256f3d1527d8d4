import { describe, expect, test } from "vitest";
import {
  type Bus,
  BusUnavailable,
  type FollowOptions,
  type StoredReport,
} from "../../../src/domain/bus.ts";
import type { HealthReport } from "../../../src/domain/health.ts";
import { scoreKeyOf, VERSION_KEY } from "../../../src/health/endpoint-token.ts";
import { SECOND_CHOICE_MS } from "../../../src/health/lease-holder.ts";
import { SCORER_LEASE, startScorer } from "../../../src/health/scorer.ts";
import { decodeTable, decodeVersion } from "../../../src/health/table-codec.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../../../src/score/health-fold.ts";
import {
  createSwitchedBus,
  hashOf,
  idOf,
  outgoing,
  positionOf,
  putOver,
  reportOf,
  START_MS,
  settle,
  sha256,
  versionEntry,
  versionOf,
} from "./score-fixture.ts";

type World = ReturnType<typeof createSwitchedBus>;

function start(world: World, name = "scorer-1", bus: Bus = world.bus) {
  const fold = createHealthFold({ hash: sha256 });
  const scorer = startScorer({
    ...world.clock,
    bus,
    fold,
    name,
    boot: 9n,
    hash: sha256,
    random: () => 0.5,
    yieldTurn: async () => undefined,
    log: world.log,
  });
  return { scorer, fold };
}

/** Reports of one endpoint a number. */
async function report(world: World, sequence: number, others: Partial<HealthReport> = {}) {
  const told = reportOf(sequence, { observedAtMs: world.clock.nowMs(), ...others });
  await world.memory.reports.publish(outgoing(told));
}

async function storedVersion({ memory }: World) {
  const entry = await memory.scores.get(VERSION_KEY);
  const version = entry && decodeVersion(entry.value);
  return version && "position" in version ? version : undefined;
}

function storedAt(
  sequence: number,
  storedAtMs: number,
  others: Partial<HealthReport> = {},
): StoredReport {
  const { token, bytes } = outgoing(reportOf(1, { observedAtMs: storedAtMs, ...others }));
  return { token, sequence, storedAtMs, bytes, headers: {} };
}

/** A scorer whose replay has ended, and which one report is missing from. */
async function startIncomplete(world: World, name: string) {
  const { bus, followed } = createScriptedBus(world);
  const { scorer } = start(world, name, bus);
  followed().began(START_MS);
  followed().take(storedAt(1, world.clock.nowMs()));
  followed().take(storedAt(3, world.clock.nowMs()));
  followed().caughtUp();
  await settle();
  return scorer;
}

/** Follows by hand: what the bus of the world stores does not reach it. */
function createScriptedBus(world: World) {
  const follows: FollowOptions[] = [];
  const bus: Bus = {
    ...world.bus,
    reports: {
      ...world.bus.reports,
      follow(options) {
        follows.push(options);
        return { lag: () => 3, stop: async () => undefined };
      },
    },
  };
  return { bus, followed: () => follows[0] as FollowOptions };
}

const LEAVES = "leaves it to others to publish scores: it takes the lease and cannot write them";

/** How often somebody left the lead because of what it could not write. */
function timesLeft({ lines }: World): number {
  return lines.filter(({ message }) => message === LEAVES).length;
}

/** A bus on which scores can be read, leases taken, and nothing written while it is told so. */
function createReadOnlyBus(world: World) {
  const faults = { isReadOnly: true };
  const { scores } = world.bus;
  const bus: Bus = {
    ...world.bus,
    scores: {
      ...scores,
      put: (...entry) =>
        faults.isReadOnly ? Promise.reject(new BusUnavailable("forbidden")) : scores.put(...entry),
    },
  };
  return { bus, faults };
}

describe("startScorer()", () => {
  test("publishes what was reported, within two seconds", async () => {
    const world = createSwitchedBus();
    const { scorer, fold } = start(world);
    await world.clock.advance(100);
    await report(world, 1);
    await world.clock.advance(1_900);
    await settle();
    const version = await storedVersion(world);
    expect(version).toMatchObject({ publisher: "scorer-1", modelCount: 1 });
    expect(version?.position.asOfSequence).toBe(1);
    expect(version?.stateSha256).toEqual(hashOf([fold.table("m")]));
    const entry = await world.memory.scores.get(scoreKeyOf("m"));
    expect(decodeTable(entry?.value ?? new Uint8Array())).toEqual(fold.table("m"));
    expect(scorer.status()).toMatchObject({
      caughtUp: true,
      leader: true,
      lag: 0,
      published: 1,
      undecodable: 0,
      position: version?.position,
    });
    await scorer.close();
    expect(world.clock.pending()).toBe(0);
  });

  test("replays what was stored before it came, and counts it", async () => {
    const world = createSwitchedBus();
    await report(world, 1);
    await world.memory.reports.publish({ ...outgoing(reportOf(2)), bytes: Uint8Array.of(255) });
    await world.clock.advance(30 * 60_000);
    const { scorer } = start(world);
    await world.clock.advance(2_000);
    expect(scorer.status()).toMatchObject({ undecodable: 1, position: { asOfSequence: 2 } });
    expect(scorer.status().verdicts.folded).toBe(1);
    await scorer.close();
  });

  test("publishes at most once a second", async () => {
    const world = createSwitchedBus();
    const { scorer } = start(world);
    await world.clock.advance(500);
    for (let sequence = 1; sequence <= 100; sequence += 1) {
      await report(world, sequence);
      await world.clock.advance(100);
    }
    expect(scorer.status().published).toBeGreaterThan(8);
    expect(scorer.status().published).toBeLessThanOrEqual(11);
    await scorer.close();
  });

  test("lets time pass in a silent stream", async () => {
    const world = createSwitchedBus();
    const { scorer } = start(world);
    await world.clock.advance(30_000);
    await settle();
    expect((await storedVersion(world))?.position.asOfMs).toBeGreaterThanOrEqual(START_MS + 20_000);
    await scorer.close();
  });

  test("neither leads nor publishes before it has caught up", async () => {
    const world = createSwitchedBus();
    const { bus, followed } = createScriptedBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    followed().began(START_MS);
    await world.clock.advance(60_000);
    expect(scorer.status()).toMatchObject({ caughtUp: false, leader: false, lag: 3, published: 0 });
    await expect(storedVersion(world)).resolves.toBeUndefined();
    followed().caughtUp();
    await world.clock.advance(2_000);
    expect(scorer.status()).toMatchObject({ caughtUp: true, leader: true, published: 1 });
    await scorer.close();
  });

  test("follows the window, a minute of skew and some more", () => {
    const world = createSwitchedBus();
    const { bus, followed } = createScriptedBus(world);
    start(world, "scorer-1", bus);
    expect(START_MS - (followed().sinceMs ?? 0)).toBe(34 * 60_000);
  });

  test("says how much of its window was lost, until the window has moved past it", async () => {
    const world = createSwitchedBus();
    const { bus, followed } = createScriptedBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    const minute = 60_000;
    followed().began(START_MS);
    expect(scorer.status().missingMs).toBe(0);
    followed().lost?.(START_MS - 14 * minute);
    expect(scorer.status()).toMatchObject({ missingMs: 19 * minute, lostReports: 0 });
    followed().take(storedAt(500, START_MS - 14 * minute));
    followed().take(storedAt(503, START_MS - 13 * minute));
    expect(scorer.status()).toMatchObject({ missingMs: 20 * minute, lostReports: 2 });
    await world.clock.advance(minute);
    const warnings = () => world.lines.filter(({ level }) => level === "warn");
    expect(warnings()).toEqual([]);
    followed().caughtUp();
    await world.clock.advance(minute);
    expect(warnings()).toMatchObject([{ fields: { lost: 2, setting: "bus.nats.reportBytes" } }]);
    await world.clock.advance(17 * minute);
    expect(scorer.status()).toMatchObject({ leader: true, missingMs: minute });
    await world.clock.advance(minute);
    expect(scorer.status().missingMs).toBe(0);
    expect(warnings()).toHaveLength(1);
    await scorer.close();
  });

  test("a stream of which nothing was left in the window is nothing that it misses", async () => {
    const world = createSwitchedBus();
    const { bus, followed } = createScriptedBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    followed().began(START_MS);
    followed().caughtUp();
    followed().take(storedAt(500, START_MS, { sequence: 5_000 }));
    expect(scorer.status()).toMatchObject({ missingMs: 0, lostReports: 0 });
    await scorer.close();
  });

  test("what was lost before its window is nothing that it misses", async () => {
    const world = createSwitchedBus();
    const { bus, followed } = createScriptedBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    followed().began(START_MS);
    followed().lost?.(START_MS - 33 * 60_000);
    expect(scorer.status().missingMs).toBe(0);
    expect(world.lines.filter(({ level }) => level === "warn")).toEqual([]);
    followed().lost?.(START_MS);
    followed().began(START_MS + 1);
    expect(scorer.status().missingMs).toBe(0);
    await scorer.close();
  });

  test("a stream that was made anew voids everything until it has caught up again", async () => {
    const world = createSwitchedBus();
    const { bus, followed } = createScriptedBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    followed().began(START_MS);
    followed().caughtUp();
    followed().take({
      ...outgoing(reportOf(1)),
      sequence: 40,
      storedAtMs: START_MS,
      headers: {},
    });
    await world.clock.advance(2_000);
    await settle();
    expect((await storedVersion(world))?.position.asOfSequence).toBe(40);
    followed().began(START_MS + 5);
    await world.clock.advance(5_000);
    expect((await storedVersion(world))?.position.streamEpoch).toBe(START_MS);
    followed().caughtUp();
    await world.clock.advance(5_000);
    await settle();
    await expect(storedVersion(world)).resolves.toMatchObject({
      position: { streamEpoch: START_MS + 5, asOfSequence: 0 },
      modelCount: 0,
    });
    const entry = await world.memory.scores.get(scoreKeyOf("m"));
    expect(decodeTable(entry?.value ?? new Uint8Array())).toMatchObject({ endpoints: [] });
    await scorer.close();
  });

  test("one of two publishes, and the other follows within 15 s when it is cut off", async () => {
    const world = createSwitchedBus();
    const { scorer: first } = start(world, "scorer-1");
    await world.clock.advance(1_000);
    const other = createSwitchedBus(world);
    const { scorer: second } = start(other, "scorer-2");
    await report(world, 1);
    await world.clock.advance(5_000);
    expect(first.status().leader).toBe(true);
    expect(second.status()).toMatchObject({ caughtUp: true, leader: false, published: 0 });
    expect((await storedVersion(world))?.publisher).toBe("scorer-1");
    world.turn(false);
    await report(world, 2);
    await world.clock.advance(15_000);
    await settle();
    expect(first.status().leader).toBe(false);
    expect(second.status().leader).toBe(true);
    await expect(storedVersion(world)).resolves.toMatchObject({
      publisher: "scorer-2",
      modelCount: 1,
    });
    world.turn(true);
    await world.clock.advance(10_000);
    expect(first.status()).toMatchObject({ leader: false, conflicts: 0 });
    expect((await storedVersion(world))?.publisher).toBe("scorer-2");
    await Promise.all([first.close(), second.close()]);
  });

  test("closing hands the lease over at once", async () => {
    const world = createSwitchedBus();
    const { scorer: first } = start(world, "scorer-1");
    await world.clock.advance(1_000);
    const { scorer: second } = start(world, "scorer-2");
    await world.clock.advance(1_000);
    await first.close();
    await world.clock.advance(3_000);
    expect(first.status().leader).toBe(false);
    expect(second.status().leader).toBe(true);
    await second.close();
  });

  test("one that misses reports leaves the lead to one that does not, though it came first", async () => {
    const world = createSwitchedBus();
    const incomplete = await startIncomplete(world, "scorer-1");
    await world.clock.advance(SECOND_CHOICE_MS - 5_000);
    expect(incomplete.status()).toMatchObject({ caughtUp: true, leader: false, lostReports: 1 });
    const { scorer: whole } = start(world, "scorer-2");
    await world.clock.advance(60_000);
    expect(whole.status()).toMatchObject({ leader: true, missingMs: 0 });
    expect(incomplete.status()).toMatchObject({ leader: false, published: 0 });
    await Promise.all([incomplete.close(), whole.close()]);
  });

  test("one that misses reports leads when nobody has for two lease periods", async () => {
    const world = createSwitchedBus();
    const { scorer: whole } = start(world, "scorer-1");
    await world.clock.advance(1_000);
    const incomplete = await startIncomplete(world, "scorer-2");
    await world.clock.advance(60_000);
    await whole.close();
    await world.clock.advance(SECOND_CHOICE_MS);
    expect(incomplete.status().leader).toBe(false);
    await world.clock.advance(6_000);
    expect(incomplete.status()).toMatchObject({ leader: true });
    await incomplete.close();
  });

  test("one that cannot publish for its old algorithm leaves time for a second choice", async () => {
    const world = createSwitchedBus();
    const newer = positionOf(1, { algorithmVersion: 99 });
    await putOver(world.memory.scores, versionEntry(versionOf(newer, [])));
    const askedAfterMs: number[] = [];
    const { take } = world.bus.leases;
    const { scorer } = start(world, "scorer-1", {
      ...world.bus,
      leases: {
        ...world.bus.leases,
        take(...lease) {
          askedAfterMs.push(world.clock.nowMs() - START_MS);
          return take(...lease);
        },
      },
    });
    await world.clock.advance(SECOND_CHOICE_MS + 10_000);
    expect(scorer.status()).toMatchObject({ leader: false, lastRound: "superseded" });
    expect(Math.max(...askedAfterMs)).toBeLessThan(3_000);
    await world.clock.advance(20_000);
    expect(Math.max(...askedAfterMs)).toBeGreaterThan(30_000);
    await scorer.close();
  });

  test("goes on after a bus that was away", async () => {
    const world = createSwitchedBus();
    const { scorer } = start(world);
    await world.clock.advance(2_000);
    world.turn(false);
    await report(world, 1);
    await world.clock.advance(5_000);
    expect(scorer.status().lastRound).toBe("failed");
    await report(world, 2);
    await world.clock.advance(120_000);
    expect(scorer.status()).toMatchObject({ leader: false });
    const warnings = world.lines.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message).toSorted()).toEqual([
      "a lease could not be asked for",
      "a tick was not confirmed",
      "scores could not be published",
    ]);
    world.turn(true);
    await world.clock.advance(5_000);
    await settle();
    expect(scorer.status().leader).toBe(true);
    expect((await storedVersion(world))?.position.asOfSequence).toBeGreaterThanOrEqual(2);
    await scorer.close();
  });

  test("leaves the lead to others when it can renew the lease and not write", async () => {
    const world = createSwitchedBus();
    const unable = start(world, "scorer-1", createReadOnlyBus(world).bus);
    await world.clock.advance(2_000);
    const { scorer } = start(world, "scorer-2");
    await report(world, 1);
    await world.clock.advance(15_000);
    expect(unable.scorer.status()).toMatchObject({ leader: true, lastRound: "failed" });
    await world.clock.advance(10_000);
    expect(unable.scorer.status().leader).toBe(false);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "unchanged" });
    expect((await storedVersion(world))?.position.asOfSequence).toBeGreaterThanOrEqual(1);
    await world.clock.advance(300_000);
    expect(scorer.status().leader).toBe(true);
    expect(timesLeft(world)).toBe(1);
    await Promise.all([scorer.close(), unable.scorer.close()]);
  });

  test("leaves the lead to one that misses reports when nobody else can write", async () => {
    const world = createSwitchedBus();
    const { scorer: unable } = start(world, "scorer-1", createReadOnlyBus(world).bus);
    await world.clock.advance(2_000);
    const incomplete = await startIncomplete(world, "scorer-2");
    await world.clock.advance(20_000);
    expect([unable, incomplete].map((one) => one.status().leader)).toEqual([false, false]);
    await world.clock.advance(60_000);
    expect([unable, incomplete].map((one) => one.status().leader)).toEqual([false, true]);
    await Promise.all([unable.close(), incomplete.close()]);
  });

  test("keeps the lead when it could not write, and then could", async () => {
    const world = createSwitchedBus();
    const { bus, faults } = createReadOnlyBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    await world.clock.advance(10_000);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "failed" });
    faults.isReadOnly = false;
    await world.clock.advance(5_000);
    expect(scorer.status().published).toBeGreaterThan(0);
    faults.isReadOnly = true;
    await world.clock.advance(15_000);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "failed" });
    faults.isReadOnly = false;
    await world.clock.advance(25_000);
    expect(scorer.status().leader).toBe(true);
    expect(timesLeft(world)).toBe(0);
    await scorer.close();
  });

  test("does not count the time in which it did not lead as time in which it could not write", async () => {
    const world = createSwitchedBus();
    const { bus } = createReadOnlyBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    await world.clock.advance(5_000);
    world.turn(false);
    await world.clock.advance(30_000);
    expect(scorer.status()).toMatchObject({ leader: false, lastRound: "failed" });
    world.turn(true);
    await world.clock.advance(15_000);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "failed" });
    expect(timesLeft(world)).toBe(0);
    await world.clock.advance(10_000);
    expect(timesLeft(world)).toBe(1);
    await scorer.close();
  });

  test("alone, it leads again within 35 s, and goes on when it can write", async () => {
    const world = createSwitchedBus();
    const { bus, faults } = createReadOnlyBus(world);
    const { scorer } = start(world, "scorer-1", bus);
    await world.clock.advance(23_000);
    expect(scorer.status()).toMatchObject({ leader: false, published: 0 });
    await world.clock.advance(32_000);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "failed" });
    faults.isReadOnly = false;
    await world.clock.advance(60_000);
    expect(scorer.status().leader).toBe(true);
    expect(scorer.status().published).toBeGreaterThan(0);
    expect(timesLeft(world)).toBe(1);
    await scorer.close();
  });

  test("says once that it leaves the lead, also when the lease cannot be given back at once", async () => {
    const world = createSwitchedBus();
    const { bus } = createReadOnlyBus(world);
    const { take } = bus.leases;
    const { scorer } = start(world, "scorer-1", {
      ...bus,
      leases: {
        ...bus.leases,
        take: (...lease) =>
          world.clock.nowMs() < START_MS + 20_000 ? take(...lease) : new Promise(() => undefined),
      },
    });
    await world.clock.advance(24_000);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "failed" });
    expect(timesLeft(world)).toBe(1);
    await world.clock.advance(30_000);
    expect(scorer.status().leader).toBe(false);
    expect(timesLeft(world)).toBe(1);
    const closed = scorer.close();
    await world.clock.advance(2_000);
    await closed;
  });

  test("leaves the lead to scorers of a newer algorithm", async () => {
    const world = createSwitchedBus();
    const newer = positionOf(1, { algorithmVersion: 99 });
    await putOver(world.memory.scores, versionEntry(versionOf(newer, [])));
    const { scorer } = start(world);
    await world.clock.advance(3_000);
    expect(scorer.status()).toMatchObject({ leader: false, lastRound: "superseded" });
    await expect(world.memory.leases.take(SCORER_LEASE, "newer")).resolves.toBe(true);
    expect((await storedVersion(world))?.position).toEqual(newer);
    await scorer.close();
  });

  test.each([
    { name: "algorithm, as after a rollback", numbers: { algorithmVersion: 99 } },
    { name: "stream", numbers: { streamEpoch: START_MS + 1 } },
  ])(
    "publishes without any traffic once a newer $name has been gone for three minutes",
    async ({ numbers }) => {
      const world = createSwitchedBus();
      const newer = positionOf(1, { algorithmVersion: ALGORITHM_VERSION, ...numbers });
      await putOver(world.memory.scores, versionEntry(versionOf(newer, [])));
      const scorers = ["scorer-1", "scorer-2"].map((name) => start(world, name).scorer);
      await world.clock.advance(180_000);
      expect((await storedVersion(world))?.position).toEqual(newer);
      await world.clock.advance(60_000);
      expect(scorers.filter((scorer) => scorer.status().leader)).toHaveLength(1);
      await expect(storedVersion(world)).resolves.toMatchObject({
        position: { algorithmVersion: ALGORITHM_VERSION, streamEpoch: START_MS },
      });
      await Promise.all(scorers.map((scorer) => scorer.close()));
    },
  );

  test("says once a minute that what is published is later than its reports, and publishes when it is not", async () => {
    const world = createSwitchedBus();
    const series = { algorithmVersion: ALGORITHM_VERSION, streamEpoch: START_MS };
    const later = positionOf(1, { ...series, asOfMs: START_MS + 600_000 });
    await putOver(world.memory.scores, versionEntry(versionOf(later, [])));
    const { scorer } = start(world);
    const told = () => world.lines.filter(({ message }) => message.includes("later than all"));
    await world.clock.advance(60_000);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "outdated" });
    expect(told()).toEqual([]);
    await world.clock.advance(10_000);
    expect(told()).toMatchObject([{ level: "warn" }]);
    await world.clock.advance(340_000);
    expect(told()).toHaveLength(6);
    await world.clock.advance(60_000);
    expect(scorer.status()).toMatchObject({ leader: true, lastRound: "written" });
    await world.clock.advance(200_000);
    expect(told()).toHaveLength(6);
    await scorer.close();
  });

  test("ticks no longer than it stands aside when those of a newer algorithm are there", async () => {
    const world = createSwitchedBus();
    const newer = positionOf(1, { algorithmVersion: 99 });
    await putOver(world.memory.scores, versionEntry(versionOf(newer, [])));
    const { scorer } = start(world);
    await world.clock.advance(3_000);
    expect(scorer.status()).toMatchObject({ leader: false, lastRound: "superseded" });
    // Theirs, for as long as somebody renews it.
    for (let renewals = 0; renewals < 60; renewals += 1) {
      await world.memory.leases.take(SCORER_LEASE, "newer");
      await world.clock.advance(1_000);
    }
    const { position } = scorer.status();
    expect(position.asOfMs - START_MS).toBeGreaterThan(30_000);
    expect(position.asOfMs - START_MS).toBeLessThan(45_000);
    await scorer.close();
  });

  test("the one that was stopped for long overwrites nothing when it wakes up", async () => {
    const world = createSwitchedBus();
    const { scorer } = start(world);
    await world.clock.advance(2_000);
    const ahead = positionOf(50, {
      algorithmVersion: ALGORITHM_VERSION,
      streamEpoch: (await storedVersion(world))?.position.streamEpoch ?? 0,
    });
    await putOver(world.memory.scores, versionEntry(versionOf(ahead, [])));
    await report(world, 1, { endpoint: idOf("b") });
    await world.clock.advance(2_000);
    await settle();
    expect(scorer.status().lastRound).toBe("outdated");
    expect((await storedVersion(world))?.position).toEqual(ahead);
    await scorer.close();
  });

  test("ends although the bus does not answer", async () => {
    const world = createSwitchedBus();
    const { bus, followed } = createScriptedBus(world);
    const { scorer } = start(world, "scorer-1", {
      ...bus,
      leases: { ...bus.leases, take: () => new Promise(() => undefined) },
    });
    followed().began(START_MS);
    followed().caughtUp();
    await world.clock.advance(5_000);
    const closed = scorer.close();
    await world.clock.advance(2_000);
    await closed;
    expect(world.clock.pending()).toBe(0);
  });
});
