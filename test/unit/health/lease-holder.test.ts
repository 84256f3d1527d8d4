import { describe, expect, test } from "vitest";
import { LEASE_MS, type LeaseTable } from "../../../src/domain/bus.ts";
import { createLeaseHolder } from "../../../src/health/lease-holder.ts";
import { createSwitchedBus, settle } from "./score-fixture.ts";

function setUp({ leases }: { readonly leases?: LeaseTable } = {}) {
  const world = createSwitchedBus();
  const { bus, clock, log } = world;
  const wishes = { isWanted: true };
  const holder = createLeaseHolder({
    leases: leases ?? bus.leases,
    lease: "scorer",
    owner: "one",
    wants: () => wishes.isWanted,
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    random: () => 0.5,
    log,
  });
  return { ...world, wishes, holder };
}

const messages = (lines: readonly { readonly level: string; readonly message: string }[]) =>
  lines.map(({ level, message }) => `${level}: ${message}`);

describe("createLeaseHolder()", () => {
  test("takes the lease at once and keeps it", async () => {
    const { holder, clock, bus, lines } = setUp();
    await clock.advance(0);
    expect(holder.holds()).toBe(true);
    await clock.advance(60_000);
    expect(holder.holds()).toBe(true);
    await expect(bus.leases.take("scorer", "two")).resolves.toBe(false);
    expect(messages(lines)).toEqual(["info: took a lease"]);
  });

  test("waits while somebody else holds it and follows within 13 s", async () => {
    const { holder, clock, bus } = setUp();
    await bus.leases.take("scorer", "two");
    await clock.advance(LEASE_MS - 1);
    expect(holder.holds()).toBe(false);
    await clock.advance(3_001);
    expect(holder.holds()).toBe(true);
  });

  test("does not believe in a lease longer than it lasts from the moment it asked", async () => {
    const { holder, clock, turn, lines } = setUp();
    await clock.advance(0);
    turn(false);
    await clock.advance(LEASE_MS - 1);
    expect(holder.holds()).toBe(true);
    await clock.advance(1);
    expect(holder.holds()).toBe(false);
    expect(messages(lines)).toEqual([
      "info: took a lease",
      "warn: a lease could not be asked for",
      "debug: a lease could not be asked for",
      "debug: a lease could not be asked for",
    ]);
    turn(true);
    await clock.advance(3_000);
    expect(holder.holds()).toBe(true);
  });

  test("stops believing when it hears of another holder", async () => {
    const answers = [true, false];
    const { holder, clock, lines } = setUp({
      leases: { take: async () => answers.shift() ?? false, release: async () => undefined },
    });
    await clock.advance(0);
    await clock.advance(3_000);
    expect(holder.holds()).toBe(false);
    expect(messages(lines)).toEqual(["info: took a lease", "info: lost a lease"]);
  });

  test("gives it back when it is not wanted any more", async () => {
    const { holder, clock, bus, wishes } = setUp();
    await clock.advance(0);
    wishes.isWanted = false;
    holder.hurry();
    expect(holder.holds()).toBe(false);
    await settle();
    await expect(bus.leases.take("scorer", "two")).resolves.toBe(true);
  });

  test("does not ask while it is not wanted, and hurries when it is", async () => {
    const { holder, clock, wishes } = setUp();
    wishes.isWanted = false;
    await clock.advance(10_000);
    expect(holder.holds()).toBe(false);
    wishes.isWanted = true;
    holder.hurry();
    await settle();
    expect(holder.holds()).toBe(true);
    expect(clock.pending()).toBe(1);
  });

  test("stands aside for a while", async () => {
    const { holder, clock, bus } = setUp();
    await clock.advance(0);
    holder.standAside(LEASE_MS);
    await settle();
    await expect(bus.leases.take("scorer", "two")).resolves.toBe(true);
    await bus.leases.release("scorer", "two");
    await clock.advance(LEASE_MS - 1);
    expect(holder.holds()).toBe(false);
    await clock.advance(3_001);
    expect(holder.holds()).toBe(true);
  });

  test("one question is asked at a time", async () => {
    let asked = 0;
    const { holder, clock } = setUp({
      leases: {
        take() {
          asked += 1;
          return new Promise(() => undefined);
        },
        release: async () => undefined,
      },
    });
    await clock.advance(0);
    holder.hurry();
    await clock.advance(60_000);
    expect(asked).toBe(1);
  });

  test("closing gives it back and leaves no timer", async () => {
    const { holder, clock, bus } = setUp();
    await clock.advance(0);
    await holder.close();
    holder.hurry();
    await settle();
    expect(holder.holds()).toBe(false);
    expect(clock.pending()).toBe(0);
    await expect(bus.leases.take("scorer", "two")).resolves.toBe(true);
  });

  test("closing waits for a question on its way, and asks no other", async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const released: string[] = [];
    const { holder, clock } = setUp({
      leases: {
        take: () => promise,
        async release(_, owner) {
          released.push(owner);
        },
      },
    });
    await clock.advance(0);
    const closed = holder.close();
    resolve(true);
    await closed;
    expect(released).toEqual(["one"]);
    expect(clock.pending()).toBe(0);
  });

  test("closing without a bus is closing", async () => {
    const { holder, clock, turn } = setUp();
    await clock.advance(0);
    turn(false);
    await expect(holder.close()).resolves.toBeUndefined();
    expect(holder.holds()).toBe(false);
  });
});
