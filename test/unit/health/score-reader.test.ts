import { describe, expect, test } from "vitest";
import { EMPTY_SCORES, type ScoreSnapshot } from "../../../src/domain/score.ts";
import { scoreKeyOf } from "../../../src/health/endpoint-token.ts";
import { type ScoreReaderPorts, startScoreReader } from "../../../src/health/score-reader.ts";
import type { SnapshotStore, StoredSnapshot } from "../../../src/health/snapshot-keeper.ts";
import {
  createSwitchedBus,
  figuresOf,
  idOf,
  positionOf,
  publish,
  putOver,
  START_MS,
  settle,
  sha256,
  tableEntry,
  tableOf,
  versionEntry,
  versionOf,
} from "./score-fixture.ts";

type World = ReturnType<typeof createSwitchedBus>;

function start(world: World, others: Partial<ScoreReaderPorts> = {}) {
  return startScoreReader({
    ...world.clock,
    bus: world.bus,
    algorithmVersion: 1,
    hash: sha256,
    random: () => 0,
    yieldTurn: async () => undefined,
    log: world.log,
    ...others,
  });
}

function createStore(initial?: StoredSnapshot) {
  const saves: StoredSnapshot[] = [];
  const stored: SnapshotStore = {
    load: async () => initial,
    async save(snapshot) {
      saves.push(snapshot);
    },
  };
  return { stored, saves };
}

const at = (sequence: number, asOfMs = START_MS) => positionOf(sequence, { asOfMs });

describe("startScoreReader()", () => {
  test("knows nothing at first, and says so", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    await world.clock.advance(20_000);
    expect(reader.latest()).toBe(EMPTY_SCORES);
    expect(reader.status()).toMatchObject({
      version: undefined,
      ageMs: undefined,
      stale: true,
      degraded: false,
      verified: false,
      kept: false,
    });
    await reader.close();
    expect(world.clock.pending()).toBe(0);
  });

  test("shows what is published", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    await world.clock.advance(0);
    const outside = { state: "down", reason: "r", untilMs: START_MS + 60_000 } as const;
    const table = tableOf("m", at(1), [figuresOf("a", { successes: 3, outside })]);
    await publish(world.memory.scores, at(1), [table]);
    await settle();
    const snapshot = reader.latest();
    expect(snapshot).toMatchObject({ revision: 1, windowEndMs: START_MS });
    expect(Object.isFrozen(snapshot)).toBe(true);
    expect(snapshot.scores.get(idOf("a"))?.successes).toBe(3);
    expect(reader.outside(idOf("a"))).toEqual(outside);
    expect(reader.tables()).toEqual([table]);
    expect(reader.status()).toMatchObject({ verified: true, stale: false, ageMs: 0, repairs: 0 });
    await reader.close();
  });

  test("shows nothing before it knows of when it is", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    await world.clock.advance(0);
    await putOver(world.memory.scores, tableEntry(tableOf("m", at(1))));
    await world.clock.advance(10_000);
    expect(reader.latest()).toBe(EMPTY_SCORES);
    await reader.close();
  });

  test("makes at most one snapshot a second, and leaves out nothing", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    const seen: ScoreSnapshot[] = [];
    const stop = reader.onChange((snapshot) => seen.push(snapshot));
    await world.clock.advance(0);
    for (let sequence = 1; sequence <= 20; sequence += 1) {
      const figures = figuresOf("a", { successes: sequence });
      await publish(world.memory.scores, at(sequence), [tableOf("m", at(sequence), [figures])]);
      await world.clock.advance(100);
    }
    await world.clock.advance(1_000);
    expect(seen.length).toBeLessThanOrEqual(4);
    expect(seen.map(({ revision }) => revision)).toEqual(seen.map((_, index) => index + 1));
    expect(seen.at(-1)).toBe(reader.latest());
    expect(reader.latest().scores.get(idOf("a"))?.successes).toBe(20);
    stop();
    await publish(world.memory.scores, at(30), []);
    await world.clock.advance(2_000);
    expect(seen.at(-1)).not.toBe(reader.latest());
    await reader.close();
  });

  test("keeps the map of scores when nothing but time has passed", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    await world.clock.advance(0);
    const table = tableOf("m", at(1));
    await publish(world.memory.scores, at(1), [table]);
    await world.clock.advance(5_000);
    const before = reader.latest();
    await putOver(world.memory.scores, versionEntry(versionOf(at(2, START_MS + 5_000), [table])));
    await world.clock.advance(1_000);
    expect(reader.latest().scores).toBe(before.scores);
    expect(reader.latest().windowEndMs).toBe(START_MS + 5_000);
    await reader.close();
  });

  test("a listener that throws holds up nobody", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    let told = 0;
    reader.onChange(() => {
      throw new Error("mine");
    });
    reader.onChange(() => {
      told += 1;
    });
    await world.clock.advance(0);
    await publish(world.memory.scores, at(1), []);
    await settle();
    expect(told).toBe(1);
    expect(world.lines).toMatchObject([{ level: "error" }]);
    await reader.close();
  });

  test("scores grow old without news, and the bus's absence is told", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    await world.clock.advance(0);
    await publish(world.memory.scores, at(1), []);
    await world.clock.advance(15_000);
    expect(reader.status()).toMatchObject({ ageMs: 15_000, stale: false, degraded: false });
    world.turn(false);
    await world.clock.advance(1);
    expect(reader.status()).toMatchObject({ ageMs: 15_001, stale: true, degraded: true });
    expect(reader.latest().revision).toBe(1);
    await reader.close();
  });

  test.each([
    { name: "ahead", skewMs: 60_000 },
    { name: "behind", skewMs: -60_000 },
  ])("a clock that is a minute $name makes nothing old or fresh", async ({ skewMs }) => {
    const world = createSwitchedBus();
    const reader = start(world);
    await world.clock.advance(0);
    for (let sequence = 1; sequence <= 10; sequence += 1) {
      const busMs = world.clock.nowMs() - skewMs;
      await publish(world.memory.scores, at(sequence, busMs), []);
      await world.clock.advance(1_000);
    }
    expect(reader.status()).toMatchObject({ ageMs: 1_000, stale: false, skewMs });
    await world.clock.advance(20_000);
    expect(reader.status()).toMatchObject({ ageMs: 21_000, stale: true });
    await reader.close();
  });

  test("a claim lapses without a bus", async () => {
    const world = createSwitchedBus();
    const reader = start(world);
    await world.clock.advance(0);
    const outside = { state: "degraded", reason: "", untilMs: START_MS + 5_000 } as const;
    await publish(world.memory.scores, at(1), [tableOf("m", at(1), [figuresOf("a", { outside })])]);
    await settle();
    world.turn(false);
    expect(reader.latest().scores.get(idOf("a"))?.degraded).toBe(true);
    await world.clock.advance(6_000);
    expect(reader.latest().scores.get(idOf("a"))?.degraded).toBe(false);
    expect(reader.outside(idOf("a"))).toBeUndefined();
    await reader.close();
  });

  describe("repair", () => {
    /** A watch that loses every table of the model. */
    function losing(world: World, model: string): ScoreReaderPorts["bus"] {
      const { scores } = world.bus;
      const key = scoreKeyOf(model);
      return {
        ...world.bus,
        scores: {
          ...scores,
          watch: (take) => scores.watch((entry) => (entry.key === key ? undefined : take(entry))),
        },
      };
    }

    test("a table that was lost is read within seconds", async () => {
      const world = createSwitchedBus();
      const reader = start(world, { bus: losing(world, "m") });
      await world.clock.advance(0);
      await publish(world.memory.scores, at(1), [tableOf("m", at(1)), tableOf("n", at(1))]);
      await settle();
      expect(reader.status()).toMatchObject({ verified: false, repairs: 0 });
      expect(reader.latest().scores.size).toBe(1);
      await world.clock.advance(5_000);
      expect(reader.status()).toMatchObject({ verified: true, repairs: 1 });
      expect(reader.latest().scores.size).toBe(2);
      await world.clock.advance(60_000);
      expect(reader.status().repairs).toBe(1);
      await reader.close();
    });

    test("a table that is not stored any more is dropped", async () => {
      const world = createSwitchedBus();
      const reader = start(world);
      await world.clock.advance(0);
      const left = tableOf("n", at(1));
      await publish(world.memory.scores, at(1), [tableOf("m", at(1)), left]);
      await settle();
      const anew = versionOf(at(2), [left]);
      const { scores } = world.bus;
      const gone = scoreKeyOf("m");
      const entries = scores.entries;
      Object.assign(scores, {
        entries: async () => (await entries()).filter(({ key }) => key !== gone),
      });
      await putOver(world.memory.scores, versionEntry(anew));
      await world.clock.advance(6_000);
      expect([...reader.latest().scores.keys()]).toEqual(["n-a"]);
      expect(reader.status().verified).toBe(true);
      await reader.close();
    });

    test("a table that is not stored any more is dropped although newer versions come while all is read", async () => {
      const world = createSwitchedBus();
      const reader = start(world);
      const { scores } = world.bus;
      const { entries } = scores;
      const left = tableOf("n", at(1));
      await world.clock.advance(0);
      await publish(scores, at(1), [tableOf("m", at(1)), left]);
      await settle();
      let sequence = 1;
      const publishNext = () => {
        sequence += 1;
        return putOver(scores, versionEntry(versionOf(at(sequence), [left])));
      };
      Object.assign(scores, {
        async entries() {
          const found = await entries();
          await publishNext();
          await settle();
          return found;
        },
      });
      const revision = (await scores.get(scoreKeyOf("m")))?.revision ?? 0;
      await scores.remove(scoreKeyOf("m"), revision);
      await publishNext();
      await world.clock.advance(5_000);
      await settle();
      await world.clock.advance(1_000);
      expect(reader.status()).toMatchObject({ verified: true, repairs: 1 });
      expect([...reader.latest().scores.keys()]).toEqual(["n-a"]);
      await reader.close();
    });

    test.each([
      { name: "that was wiped", stored: [] },
      { name: "that was set back", stored: [versionEntry(versionOf(at(1), []))] },
    ])("a table of scores $name takes nothing away", async ({ stored }) => {
      const world = createSwitchedBus();
      const entries = stored.map((entry) => ({ ...entry, revision: 1 }));
      Object.assign(world.bus.scores, { entries: async () => entries });
      const reader = start(world);
      await world.clock.advance(0);
      await publish(world.memory.scores, at(1), [tableOf("m", at(1))]);
      await putOver(world.memory.scores, versionEntry(versionOf(at(2), [])));
      await world.clock.advance(10_000);
      expect(reader.status().repairs).toBeGreaterThan(0);
      expect(reader.latest().scores.size).toBe(1);
      await reader.close();
    });

    test("what does not help is tried ever less often", async () => {
      const world = createSwitchedBus();
      const reader = start(world);
      await world.clock.advance(0);
      await putOver(world.memory.scores, versionEntry(versionOf(at(1), [tableOf("m", at(1))])));
      await world.clock.advance(60_000);
      const first = reader.status().repairs;
      await world.clock.advance(60_000);
      expect(first).toBeGreaterThan(4);
      expect(reader.status().repairs - first).toBeLessThan(6);
      world.turn(false);
      await world.clock.advance(60_000);
      expect(world.lines.map(({ message }) => message)).toContain("scores could not be read");
      await reader.close();
    });

    test("reads in turns", async () => {
      const world = createSwitchedBus();
      const bus = losing(world, "m");
      // Once it reads, every look at the clock finds that a piece is over.
      const pace = { stepMs: 0, spentMs: 0, yields: 0 };
      const { entries } = bus.scores;
      Object.assign(bus.scores, {
        entries() {
          pace.stepMs = 8;
          pace.yields = 0;
          return entries();
        },
      });
      const reader = start(world, {
        bus,
        nowMs() {
          pace.spentMs += pace.stepMs;
          return world.clock.nowMs() + pace.spentMs;
        },
        async yieldTurn() {
          pace.yields += 1;
        },
      });
      await world.clock.advance(0);
      await publish(world.memory.scores, at(1), [tableOf("m", at(1))]);
      await world.clock.advance(6_000);
      expect(reader.status()).toMatchObject({ verified: true, repairs: 1 });
      expect(pace.yields).toBe(2);
      await reader.close();
    });
  });

  describe("kept scores", () => {
    const table = tableOf("m", at(7), [figuresOf("a", { successes: 9 })]);
    const kept: StoredSnapshot = {
      windowEndMs: START_MS - 100_000,
      entries: [versionEntry(versionOf(at(7), [table])), tableEntry(table)],
    };

    test("a start without a bus shows them, with their age", async () => {
      const world = createSwitchedBus();
      world.turn(false);
      const { stored, saves } = createStore(kept);
      const reader = start(world, { stored });
      await reader.ready;
      expect(reader.latest().scores.get(idOf("a"))?.successes).toBe(9);
      expect(reader.latest().windowEndMs).toBe(START_MS - 100_000);
      expect(reader.status()).toMatchObject({
        kept: true,
        stale: true,
        degraded: true,
        ageMs: 100_000,
      });
      await world.clock.advance(60_000);
      await reader.close();
      expect(saves).toEqual([]);
      expect(reader.status().repairs).toBe(0);
    });

    test("what the bus tells takes their place, also when it counts from 1 again", async () => {
      const world = createSwitchedBus();
      const reader = start(world, createStore(kept));
      await reader.ready;
      await world.clock.advance(0);
      await publish(world.memory.scores, at(1), [tableOf("n", at(1))]);
      await world.clock.advance(2_000);
      expect([...reader.latest().scores.keys()]).toEqual(["n-a"]);
      expect(reader.status()).toMatchObject({ kept: false, verified: true, stale: false });
      await reader.close();
    });

    test("nothing stored is nothing shown", async () => {
      const world = createSwitchedBus();
      const reader = start(world, createStore());
      await reader.ready;
      expect(reader.latest()).toBe(EMPTY_SCORES);
      await reader.close();
    });

    test("scores are saved at most every 10 s, when they have changed", async () => {
      const world = createSwitchedBus();
      const { stored, saves } = createStore();
      const reader = start(world, { stored });
      await world.clock.advance(0);
      for (let sequence = 1; sequence <= 30; sequence += 1) {
        await publish(world.memory.scores, at(sequence, world.clock.nowMs()), []);
        await world.clock.advance(1_000);
      }
      expect(saves.length).toBeGreaterThanOrEqual(3);
      expect(saves.length).toBeLessThanOrEqual(4);
      await world.clock.advance(20_000);
      const count = saves.length;
      await world.clock.advance(60_000);
      expect(saves).toHaveLength(count);
      expect(saves.at(-1)?.windowEndMs).toBe(START_MS + 29_000);
      await reader.close();
      expect(saves).toHaveLength(count);
    });

    test("closing saves what changed last", async () => {
      const world = createSwitchedBus();
      const { stored, saves } = createStore();
      const reader = start(world, { stored });
      await world.clock.advance(0);
      await publish(world.memory.scores, at(1), [tableOf("m", at(1))]);
      await settle();
      await reader.close();
      expect(saves.map(({ entries }) => entries.map(({ key }) => key))).toEqual([
        ["version", "scores.m"],
      ]);
    });

    test("a disk that does not answer holds up neither reading nor the end", async () => {
      const world = createSwitchedBus();
      const reader = start(world, {
        stored: { load: async () => undefined, save: () => new Promise(() => undefined) },
      });
      await world.clock.advance(0);
      await publish(world.memory.scores, at(1), []);
      await world.clock.advance(15_000);
      await publish(world.memory.scores, at(2), []);
      await world.clock.advance(2_000);
      expect(reader.status().version?.position.asOfSequence).toBe(2);
      const closed = reader.close();
      await world.clock.advance(2_000);
      await closed;
      expect(world.clock.pending()).toBe(0);
    });
  });
});
