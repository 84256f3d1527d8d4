import { describe, expect, test } from "vitest";
import type { KeyValue, KeyValueEntry } from "../../../src/domain/bus.ts";
import type { ScorePosition } from "../../../src/domain/health.ts";
import { VERSION_KEY } from "../../../src/health/endpoint-token.ts";
import { createScoreFeed, type FedEntry } from "../../../src/health/score-feed.ts";
import { decodeVersion } from "../../../src/health/table-codec.ts";
import {
  createSwitchedBus,
  positionOf,
  publish,
  putOver,
  START_MS,
  settle,
  tableOf,
  versionEntry,
  versionOf,
} from "./score-fixture.ts";

function setUp(world = createSwitchedBus()) {
  const { bus, memory, clock, log } = world;
  const watches: { readonly take: (entry: KeyValueEntry) => void; isStopped: boolean }[] = [];
  const script = {
    isDeaf: false,
    stop: async (): Promise<void> => undefined,
    /** What lives falls silent. */
    dropAll(): void {
      for (const drop of drops.splice(0)) {
        drop();
      }
    },
    delivered: () => told().at(-1)?.[0],
  };
  const drops: (() => void)[] = [];
  const scores: KeyValue = {
    ...bus.scores,
    watch(take) {
      const watch = { take, isStopped: false };
      watches.push(watch);
      // Deaf for as long as it lives.
      const watcher = script.isDeaf ? undefined : memory.scores.watch(take);
      drops.push(() => void watcher?.stop());
      return {
        async stop() {
          watch.isStopped = true;
          await watcher?.stop();
          await script.stop();
        },
      };
    },
  };
  const fed: FedEntry[] = [];
  const feed = createScoreFeed({
    ...clock,
    algorithmVersion: 1,
    bus: { scores, onStatus: bus.onStatus },
    take: (entry) => fed.push(entry),
    random: () => 0,
    log,
  });
  const told = () =>
    fed.map(({ entry, receivedAtMs, live }) => {
      const version = entry.key === VERSION_KEY ? decodeVersion(entry.value) : undefined;
      const sequence = version && "position" in version ? version.position.asOfSequence : entry.key;
      return [sequence, receivedAtMs - START_MS, live];
    });
  return { ...world, feed, watches, script, told };
}

const version = (sequence: number, others: Partial<ScorePosition> = {}) =>
  versionEntry(versionOf(positionOf(sequence, others), []));

/** Nobody here can use it. */
const unknown = (sequence: number) => version(sequence, { algorithmVersion: 2 });

describe("createScoreFeed()", () => {
  test("hands out what lies there and what comes, and tells them apart", async () => {
    const world = createSwitchedBus();
    await publish(world.memory.scores, positionOf(1), [tableOf("m", positionOf(1))]);
    const { clock, told, memory } = setUp(world);
    await clock.advance(0);
    expect(told()).toEqual([
      ["scores.m", 0, false],
      [1, 0, false],
    ]);
    await clock.advance(500);
    await putOver(memory.scores, version(2));
    await settle();
    expect(told().at(-1)).toEqual([2, 500, true]);
  });

  test("a first version is seen to be written", async () => {
    const { clock, told, memory } = setUp();
    await clock.advance(0);
    await putOver(memory.scores, version(1));
    await settle();
    expect(told()).toEqual([[1, 0, true]]);
  });

  test("a version that cannot be read is handed on, and is no advance", async () => {
    const { clock, told, memory } = setUp();
    await clock.advance(0);
    await putOver(memory.scores, { key: VERSION_KEY, value: Uint8Array.of(255) });
    await settle();
    expect(told()).toEqual([[undefined, 0, false]].map(() => [VERSION_KEY, 0, false]));
  });

  test("a version of a newer algorithm is handed on, and is no advance", async () => {
    const { clock, told, memory } = setUp();
    await putOver(memory.scores, version(1));
    await clock.advance(0);
    await putOver(memory.scores, unknown(9));
    await settle();
    expect(told()).toEqual([
      [1, 0, false],
      [9, 0, false],
    ]);
  });

  test.each([
    { name: "lay there", isFound: true },
    { name: "was written since", isFound: false },
  ])("after one of a newer algorithm that $name, ours are advances again", async ({ isFound }) => {
    const { clock, told, memory } = setUp();
    const opened = () => clock.advance(0);
    const written = () => putOver(memory.scores, unknown(9));
    for (const step of isFound ? [written, opened] : [opened, written]) {
      await step();
    }
    await clock.advance(0);
    await putOver(memory.scores, version(5));
    await settle();
    expect(told().at(-1)).toEqual([5, expect.any(Number), true]);
  });

  test("a watch that fell silent after one of a newer algorithm is found out by ours", async () => {
    const { clock, memory, feed, script, told } = setUp();
    await putOver(memory.scores, unknown(9));
    await clock.advance(0);
    script.dropAll();
    await clock.advance(31_000);
    expect(feed.counts()).toEqual({ rebuilds: 0 });
    await putOver(memory.scores, version(5));
    await clock.advance(32_000);
    expect(feed.counts()).toEqual({ rebuilds: 1 });
    expect(told().at(-1)?.[0]).toBe(5);
  });

  test("a watch that lives is left alone", async () => {
    const { clock, memory, watches, feed } = setUp();
    for (let sequence = 1; sequence <= 100; sequence += 1) {
      await putOver(memory.scores, version(sequence));
      await clock.advance(1_000);
    }
    expect(watches).toHaveLength(1);
    expect(feed.counts()).toEqual({ rebuilds: 0 });
  });

  test("a watch that fell silent is made anew within 32 s", async () => {
    const { clock, memory, watches, feed, script, told, lines } = setUp();
    script.isDeaf = true;
    await clock.advance(0);
    await putOver(memory.scores, version(5));
    script.isDeaf = false;
    await clock.advance(32_000);
    expect(watches.map(({ isStopped }) => isStopped)).toEqual([true, false]);
    expect(feed.counts()).toEqual({ rebuilds: 1 });
    expect(told()).toEqual([[5, 31_500, false]]);
    expect(lines.map(({ level }) => level)).toEqual(["warn"]);
    watches[0]?.take({ ...version(9), revision: 1 });
    expect(told()).toHaveLength(1);
  });

  test("what is on its way has a second to arrive", async () => {
    const { clock, memory, watches, script } = setUp();
    script.isDeaf = true;
    await clock.advance(29_999);
    await putOver(memory.scores, version(5));
    await clock.advance(500);
    watches[0]?.take({ ...version(5), revision: 1 });
    await clock.advance(10_000);
    expect(watches).toHaveLength(1);
  });

  test("watches that keep falling silent are made anew ever less often", async () => {
    const { clock, memory, feed, script } = setUp();
    script.isDeaf = true;
    script.stop = () => Promise.reject(new Error("no such consumer"));
    await clock.advance(0);
    let sequence = 0;
    const rebuildsIn = async (seconds: number) => {
      const before = feed.counts().rebuilds;
      for (let second = 0; second < seconds; second += 1) {
        sequence += 1;
        await putOver(memory.scores, version(sequence));
        await clock.advance(1_000);
      }
      return feed.counts().rebuilds - before;
    };
    expect(await rebuildsIn(120)).toBeGreaterThanOrEqual(3);
    expect(await rebuildsIn(120)).toBeLessThanOrEqual(4);
    script.isDeaf = false;
    await rebuildsIn(60);
    expect(await rebuildsIn(120)).toBe(0);
  });

  test("opens again and again while the bus is away, and at once when it is back", async () => {
    const world = createSwitchedBus();
    world.turn(false);
    const { clock, told, memory, turn, watches, lines } = setUp(world);
    await putOver(memory.scores, version(1));
    await clock.advance(100_000);
    expect(watches).toEqual([]);
    const attempts = lines.filter(({ message }) => message === "scores cannot be watched yet");
    expect(attempts.length).toBeGreaterThan(5);
    expect(attempts.length).toBeLessThan(14);
    turn(true);
    await clock.advance(0);
    expect(told()).toEqual([[1, 100_000, false]]);
    expect(watches).toHaveLength(1);
  });

  test("a watch that has delivered news is made anew quickly the next time", async () => {
    const { clock, memory, feed, script } = setUp();
    script.isDeaf = true;
    await clock.advance(0);
    for (let sequence = 1; sequence <= 300; sequence += 1) {
      await putOver(memory.scores, version(sequence));
      await clock.advance(1_000);
    }
    script.isDeaf = false;
    for (let sequence = 301; sequence <= 400; sequence += 1) {
      await putOver(memory.scores, version(sequence));
      await clock.advance(1_000);
    }
    const before = feed.counts().rebuilds;
    script.isDeaf = true;
    script.dropAll();
    await putOver(memory.scores, version(401));
    script.isDeaf = false;
    await clock.advance(32_000);
    expect(feed.counts().rebuilds).toBe(before + 1);
    expect(script.delivered()).toBe(401);
  });

  test("after a reconnection it is impatient again", async () => {
    const world = createSwitchedBus();
    world.turn(false);
    const { clock, turn, watches, memory } = setUp(world);
    await putOver(memory.scores, version(1));
    await clock.advance(100_000);
    // Connected for a moment only.
    turn(true);
    turn(false);
    await clock.advance(0);
    expect(watches).toEqual([]);
    const { length: before } = world.lines;
    await clock.advance(4_000);
    expect(world.lines.length - before).toBeGreaterThanOrEqual(3);
  });

  test("asks at once after a reconnection whether the watch has survived it", async () => {
    const { clock, memory, script, turn, feed, told } = setUp();
    script.isDeaf = true;
    await clock.advance(0);
    turn(false);
    await clock.advance(1_000);
    await putOver(memory.scores, version(5));
    script.isDeaf = false;
    turn(true);
    await clock.advance(2_000);
    expect(feed.counts()).toEqual({ rebuilds: 1 });
    expect(told()).toEqual([[5, 2_500, false]]);
  });

  test("a poll that fails is not taken for news", async () => {
    const { clock, turn, feed, watches, lines } = setUp();
    await clock.advance(0);
    turn(false);
    await clock.advance(61_000);
    expect(feed.counts()).toEqual({ rebuilds: 0 });
    expect(watches).toHaveLength(1);
    expect(lines).toHaveLength(2);
  });

  test("closing stops everything", async () => {
    const { clock, feed, watches, memory, told, turn } = setUp();
    await clock.advance(0);
    await feed.close();
    turn(true);
    watches[0]?.take({ ...version(3), revision: 1 });
    await putOver(memory.scores, version(1));
    await settle();
    expect(told()).toEqual([]);
    expect(clock.pending()).toBe(0);
  });

  test.each([
    { name: "opening", beforeMs: -1, succeeds: true },
    { name: "opening that fails", beforeMs: -1, succeeds: false },
    { name: "polling", beforeMs: 30_000, succeeds: true },
  ])("closing in the middle of $name leaves nothing behind", async ({ beforeMs, succeeds }) => {
    const world = createSwitchedBus();
    const { promise, resolve, reject } = Promise.withResolvers<KeyValueEntry | undefined>();
    const gets = { hangs: beforeMs < 0 };
    const scores: KeyValue = {
      ...world.bus.scores,
      get: (key) => (gets.hangs ? promise : world.bus.scores.get(key)),
    };
    const feed = createScoreFeed({
      ...world.clock,
      algorithmVersion: 1,
      bus: { scores, onStatus: world.bus.onStatus },
      take: () => undefined,
      random: () => 0,
      log: world.log,
    });
    await world.clock.advance(Math.max(0, beforeMs - 1));
    gets.hangs = true;
    await world.clock.advance(1);
    await feed.close();
    const settled = succeeds ? resolve(undefined) : reject(new Error("late"));
    await settle();
    expect(settled).toBeUndefined();
    expect(world.clock.pending()).toBe(0);
  });
});
