import { describe, expect, test } from "vitest";
import { LEASE_MS, type LeaseTable } from "../../../src/domain/bus.ts";
import { createLeaseHolder, SECOND_CHOICE_MS } from "../../../src/health/lease-holder.ts";
import { createSwitchedBus, settle } from "./score-fixture.ts";

type SetUp = { readonly leases?: Partial<LeaseTable>; readonly isSecondChoice?: boolean };

function setUp({ leases, isSecondChoice = false }: SetUp = {}) {
  const world = createSwitchedBus();
  const { bus, clock, log } = world;
  const wishes = { isWanted: true, isSecondChoice };
  const holder = createLeaseHolder({
    leases: { ...bus.leases, ...leases },
    lease: "scorer",
    owner: "one",
    wants: () => wishes.isWanted,
    isSecondChoice: () => wishes.isSecondChoice,
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    random: () => 0.5,
    log,
  });
  return { ...world, wishes, holder };
}

type World = ReturnType<typeof setUp>;

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
      leases: { take: async () => answers.shift() ?? false },
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
      },
    });
    await clock.advance(0);
    holder.hurry();
    await clock.advance(60_000);
    expect(asked).toBe(1);
  });

  test("gives back at once what it got after it was told to stand aside", async () => {
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
    holder.standAside(LEASE_MS);
    resolve(true);
    await clock.advance(0);
    expect(released).toEqual(["one"]);
    expect(holder.holds()).toBe(false);
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

describe("a second choice", () => {
  test("takes a lease that nobody has held for two lease periods, and keeps it", async () => {
    const { holder, clock, lines } = setUp({ isSecondChoice: true });
    await clock.advance(SECOND_CHOICE_MS - 1);
    expect(holder.holds()).toBe(false);
    await clock.advance(3_001);
    expect(holder.holds()).toBe(true);
    await clock.advance(10 * LEASE_MS);
    expect(holder.holds()).toBe(true);
    expect(messages(lines)).toEqual(["info: took a lease"]);
  });

  test("never takes one that others leave for less", async () => {
    const { holder, clock, bus } = setUp({ isSecondChoice: true });
    for (let round = 0; round < 10; round += 1) {
      await expect(bus.leases.take("scorer", "two")).resolves.toBe(true);
      await clock.advance(3_000);
      await bus.leases.release("scorer", "two");
      await clock.advance(SECOND_CHOICE_MS - 1);
      expect(holder.holds()).toBe(false);
    }
  });

  test("begins to wait anew when the bus was away, also for a lease that it held", async () => {
    const { holder, clock, turn } = setUp({ isSecondChoice: true });
    await clock.advance(SECOND_CHOICE_MS - 3_000);
    turn(false);
    await clock.advance(SECOND_CHOICE_MS);
    turn(true);
    await clock.advance(SECOND_CHOICE_MS - 1);
    expect(holder.holds()).toBe(false);
    await clock.advance(6_001);
    expect(holder.holds()).toBe(true);
    turn(false);
    await clock.advance(LEASE_MS);
    turn(true);
    await clock.advance(SECOND_CHOICE_MS - 1);
    expect(holder.holds()).toBe(false);
  });

  test("goes on waiting when a look fails, as long as nobody can have held it in between", async () => {
    const { holder, clock, turn } = setUp({ isSecondChoice: true });
    await clock.advance(SECOND_CHOICE_MS / 2);
    turn(false);
    await clock.advance(LEASE_MS / 2);
    turn(true);
    await clock.advance(SECOND_CHOICE_MS / 2);
    expect(holder.holds()).toBe(true);
  });

  test("begins to wait anew when it did not want it in between", async () => {
    const { holder, clock, wishes } = setUp({ isSecondChoice: true });
    await clock.advance(SECOND_CHOICE_MS - 3_000);
    wishes.isWanted = false;
    await clock.advance(3_000);
    wishes.isWanted = true;
    await clock.advance(SECOND_CHOICE_MS - 1);
    expect(holder.holds()).toBe(false);
  });

  test.each([
    [
      "it is not wanted any more",
      ({ wishes }: World) => Object.assign(wishes, { isWanted: false }),
    ],
    ["it stands aside", ({ holder }: World) => holder.standAside(LEASE_MS)],
    ["it is closed", ({ holder }: World) => void holder.close()],
  ])("takes nothing when, while it looks at the lease, %s", async (_, change) => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let look = Promise.resolve(undefined);
    let asked = 0;
    const world = setUp({
      isSecondChoice: true,
      leases: {
        holder: () => look,
        async take() {
          asked += 1;
          return true;
        },
      },
    });
    await world.clock.advance(SECOND_CHOICE_MS - 1);
    look = promise;
    await world.clock.advance(3_000);
    change(world);
    resolve(undefined);
    await world.clock.advance(0);
    expect(asked).toBe(0);
  });

  test("begins to wait anew when somebody was faster", async () => {
    const answers = [false];
    const { holder, clock } = setUp({
      isSecondChoice: true,
      leases: { take: async () => answers.pop() ?? true },
    });
    await clock.advance(SECOND_CHOICE_MS + 3_000);
    expect([answers, holder.holds()]).toEqual([[], false]);
    await clock.advance(SECOND_CHOICE_MS - 3_000);
    expect(holder.holds()).toBe(false);
    await clock.advance(6_000);
    expect(holder.holds()).toBe(true);
  });

  test("competes like everybody else from when it is none any more", async () => {
    const { holder, clock, wishes } = setUp({ isSecondChoice: true });
    await clock.advance(3_000);
    expect(holder.holds()).toBe(false);
    wishes.isSecondChoice = false;
    await clock.advance(3_000);
    expect(holder.holds()).toBe(true);
  });

  test("keeps what it holds when it becomes one", async () => {
    const { holder, clock, wishes, lines } = setUp();
    await clock.advance(0);
    wishes.isSecondChoice = true;
    await clock.advance(10 * LEASE_MS);
    expect(holder.holds()).toBe(true);
    expect(messages(lines)).toEqual(["info: took a lease"]);
  });

  test("does not take its own name, left from before it was started, for that of another", async () => {
    const { holder, clock } = setUp({
      isSecondChoice: true,
      leases: { holder: async () => "one" },
    });
    await clock.advance(SECOND_CHOICE_MS + 3_000);
    expect(holder.holds()).toBe(true);
  });

  test("of a first and a second, the first follows a holder that died, and the second later", async () => {
    const { holder, clock, bus, log } = setUp({ isSecondChoice: true });
    const first = createLeaseHolder({
      ...{ leases: bus.leases, lease: "scorer", owner: "first", wants: () => true },
      ...{ ...clock, random: () => 1, log },
    });
    await bus.leases.take("scorer", "dead");
    await clock.advance(LEASE_MS + 3_000);
    expect([first.holds(), holder.holds()]).toEqual([true, false]);
    await clock.advance(10 * SECOND_CHOICE_MS);
    expect([first.holds(), holder.holds()]).toEqual([true, false]);
    await first.close();
    await clock.advance(SECOND_CHOICE_MS + 3_000);
    expect(holder.holds()).toBe(true);
  });
});
