import { describe, expect, onTestFinished, test } from "vitest";
import { createMemoryBus, type MemoryBusOptions } from "../../../src/bus/memory-bus.ts";
import {
  busContract,
  expectLeasesToLapse,
  recordFollowing,
  textReport,
} from "../../support/bus-contract.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function open(change: Partial<MemoryBusOptions> = {}) {
  const clock = createManualClock();
  const { nowMs, schedule } = clock;
  const logged: string[] = [];
  const log = (_level: string, message: string) => void logged.push(message);
  const bus = createMemoryBus({ nowMs, schedule, log, ...change });
  onTestFinished(() => bus.close());
  return {
    bus,
    clock,
    logged,
    nowMs,
    pass: clock.advance,
    async until(isTrue: () => boolean) {
      for (let turn = 0; turn < 100 && !isTrue(); turn++) {
        await clock.advance(0);
      }
      expect(isTrue()).toBe(true);
    },
  };
}

describe("createMemoryBus()", () => {
  busContract(async () => open());

  test("a lease lapses 10 s after it was last renewed", () => expectLeasesToLapse(open()));

  test("hands out a long replay in pieces, so that others get a turn", async () => {
    const { bus, until } = open();
    for (let index = 0; index < 1_000; index++) {
      await bus.reports.publish(textReport(`r${index}`));
    }
    const seen = recordFollowing();
    const follower = bus.reports.follow({ sinceMs: 0, ...seen.options });
    await Promise.resolve();
    expect(seen.reports).toHaveLength(256);
    expect(follower.lag()).toBe(744);
    await until(() => seen.events.includes("caught-up"));
    expect(seen.reports).toHaveLength(1_000);
  });

  test("leaves no timer behind when a replay is stopped in the middle", async () => {
    const { bus, clock } = open();
    for (let index = 0; index < 1_000; index++) {
      await bus.reports.publish(textReport(`r${index}`));
    }
    const follower = bus.reports.follow({ sinceMs: 0, ...recordFollowing().options });
    await Promise.resolve();
    await follower.stop();
    expect(clock.pending()).toBe(0);
  });

  test("forgets reports after their time", async () => {
    const { bus, clock, until } = open({ maxAgeMs: 60_000 });
    await bus.reports.publish(textReport("a"));
    await clock.advance(30_000);
    await bus.reports.publish(textReport("b"));
    await clock.advance(30_000);
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await until(() => seen.events.includes("caught-up"));
    expect(seen.events).toEqual(["began", "b", "caught-up"]);
  });

  test("keeps the newest reports that fit into its bytes", async () => {
    const { bus, until } = open({ maxBytes: 3_000 * (1_000 + 256) });
    for (let index = 0; index < 10_000; index++) {
      const bytes = new Uint8Array(1_000);
      await bus.reports.publish(textReport(`r${index}`, { bytes }));
    }
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await until(() => seen.events.includes("caught-up"));
    expect(seen.reports.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 3_000 }, (_, index) => 7_001 + index),
    );
  });

  test("takes an id again after two minutes", async () => {
    const { bus, clock, until } = open();
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await bus.reports.publish(textReport("a"));
    await clock.advance(119_000);
    await bus.reports.publish(textReport("a"));
    await clock.advance(1_000);
    await bus.reports.publish(textReport("a"));
    await until(() => seen.reports.length === 2);
    expect(seen.reports.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  test("its times do not go back when the clock does", async () => {
    let timeMs = 1_000.75;
    const { bus, until } = open({ nowMs: () => timeMs });
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await bus.reports.publish(textReport("a"));
    timeMs = 900;
    await bus.reports.publish(textReport("b"));
    await until(() => seen.reports.length === 2);
    expect(seen.reports.map(({ storedAtMs }) => storedAtMs)).toEqual([1_000, 1_000]);
  });

  test("a watcher that has not run yet gets the newest value of each key alone", async () => {
    const { bus, until } = open();
    const seen: string[] = [];
    bus.scores.watch(({ key, value }) => seen.push(`${key}=${value[0]}`));
    const first = bus.scores.put("a", Uint8Array.of(1), 0);
    const second = bus.scores.put("a", Uint8Array.of(2), 1);
    await Promise.all([first, second]);
    await until(() => seen.length === 1);
    expect(seen).toEqual(["a=2"]);
  });

  test("logs what handlers throw and dead letters, with their reasons", async () => {
    const { bus, logged, until } = open();
    const throws = () => {
      throw new Error("from a handler");
    };
    bus.reports.follow({ began: throws, take: throws, caughtUp: throws });
    bus.scores.watch(throws);
    await bus.scores.put("a", Uint8Array.of(1), 0);
    await bus.deadLetters.put({
      reason: "truncated",
      report: { token: "a", sequence: 1, storedAtMs: 1, bytes: new Uint8Array(), headers: {} },
    });
    await until(() => logged.length === 4);
    expect(logged.toSorted()).toEqual([
      "a follower of health reports threw in began",
      "a follower of health reports threw in caughtUp",
      "a watcher of scores threw",
      "dead letter",
    ]);
  });
});
