import { describe, expect, test } from "vitest";
import {
  type Bus,
  type BusStatus,
  BusUnavailable,
  type FollowOptions,
  LEASE_MS,
  type OutgoingReport,
  type StoredReport,
} from "../../src/domain/bus.ts";
import { MAX_REPORT_BYTES } from "../../src/domain/bus-rules.ts";
import { removalContract, tableContract } from "./table-contract.ts";

/** A bus with empty streams and tables, closed after the test, and the time it lives in. */
export type BusHarness = {
  readonly bus: Bus;
  nowMs(): number;
  /** Time passes, virtual or not. */
  pass(ms: number): Promise<void>;
  /** Lets everything in flight arrive until `isTrue`; rejects when it does not become true. */
  until(isTrue: () => boolean): Promise<unknown>;
};

export type OpenBus = () => Promise<BusHarness>;

export type Followed = {
  readonly reports: StoredReport[];
  /** What happened, in order: `began`, `caught-up` and the texts of reports. */
  readonly events: string[];
  readonly epochs: number[];
  readonly options: Omit<FollowOptions, "sinceMs">;
};

export function textReport(text: string, change: Partial<OutgoingReport> = {}): OutgoingReport {
  return { token: "endpoint-1", id: text, bytes: new TextEncoder().encode(text), ...change };
}

export function textOf({ bytes }: { readonly bytes: Uint8Array }): string {
  return new TextDecoder().decode(bytes);
}

export function recordFollowing(): Followed {
  const reports: StoredReport[] = [];
  const events: string[] = [];
  const epochs: number[] = [];
  return {
    reports,
    events,
    epochs,
    options: {
      began(epoch) {
        epochs.push(epoch);
        events.push("began");
      },
      take(report) {
        reports.push(report);
        events.push(textOf(report));
      },
      caughtUp: () => events.push("caught-up"),
    },
  };
}

/** What every bus does. */
export function busContract(open: OpenBus): void {
  describe("reports", () => reportContract(open));
  describe("following", () => followContract(open));
  describe("delivery", () => deliveryContract(open));
  describe("scores", () => tableContract(open));
  describe("removed scores", () => removalContract(open));
  describe("leases", () => leaseContract(open));
  describe("closing", () => closeContract(open));
}

function reportContract(open: OpenBus): void {
  test("hands out token, id order, time, bytes and headers as they were sent", async () => {
    const { bus, until, nowMs } = await open();
    const sentMs = nowMs();
    const seen = recordFollowing();
    await bus.reports.publish(
      textReport("a", { token: "A_z-9", headers: { traceparent: "00-1" } }),
    );
    await bus.reports.publish(textReport("b"));
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await until(() => seen.reports.length === 2);
    const [first, second] = seen.reports;
    expect(first).toMatchObject({ token: "A_z-9", sequence: 1, headers: { traceparent: "00-1" } });
    expect(second).toMatchObject({ token: "endpoint-1", sequence: 2, headers: {} });
    expect(seen.reports.map(textOf)).toEqual(["a", "b"]);
    expect(first?.storedAtMs).toBeGreaterThanOrEqual(Math.floor(sentMs));
    expect(first?.storedAtMs).toBeLessThanOrEqual(nowMs());
    expect(Number.isInteger(first?.storedAtMs)).toBe(true);
  });

  test("stores equal ids once", async () => {
    const { bus, until } = await open();
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await bus.reports.publish(textReport("a"));
    await bus.reports.publish(textReport("a"));
    await bus.reports.publish(textReport("b"));
    await until(() => seen.reports.length === 2);
    expect(seen.reports.map(textOf)).toEqual(["a", "b"]);
  });

  test("keeps what was sent although the sender uses its buffer again", async () => {
    const { bus, until } = await open();
    const seen = recordFollowing();
    const report = textReport("a");
    await bus.reports.publish(report);
    report.bytes.fill(0);
    bus.reports.follow({ sinceMs: 0, ...seen.options });
    await until(() => seen.reports.length === 1);
    expect(seen.reports.map(textOf)).toEqual(["a"]);
  });

  test("takes a report of the largest size and refuses what breaks a rule", async () => {
    const { bus } = await open();
    const largest = new Uint8Array(MAX_REPORT_BYTES);
    await bus.reports.publish(
      textReport("a", { bytes: largest, headers: { a: "x".repeat(2_000) } }),
    );
    const wrong = [
      textReport("b", { bytes: new Uint8Array(MAX_REPORT_BYTES + 1) }),
      textReport("b", { token: "a.b" }),
      textReport("b", { token: ">" }),
      textReport("b", { id: "b\r\n" }),
    ];
    for (const report of wrong) {
      await expect(bus.reports.publish(report)).rejects.toThrow(RangeError);
    }
  });
}

function followContract(open: OpenBus): void {
  test("begins, hands out what was stored, says that it caught up, and goes on", async () => {
    const { bus, until } = await open();
    const seen = recordFollowing();
    for (const text of ["a", "b", "c"]) {
      await bus.reports.publish(textReport(text));
    }
    const follower = bus.reports.follow({ sinceMs: 0, ...seen.options });
    expect(seen.events).toEqual([]);
    await until(() => seen.events.includes("caught-up"));
    await bus.reports.publish(textReport("d"));
    await until(() => seen.events.includes("d"));
    expect(seen.events).toEqual(["began", "a", "b", "c", "caught-up", "d"]);
    expect(follower.lag()).toBe(0);
  });

  test("hands out what was stored since the time", async () => {
    const { bus, until, pass, nowMs } = await open();
    await bus.reports.publish(textReport("old"));
    await pass(20);
    const sinceMs = nowMs();
    await bus.reports.publish(textReport("recent"));
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs, ...seen.options });
    await until(() => seen.events.includes("caught-up"));
    expect(seen.events.slice(-2)).toEqual(["recent", "caught-up"]);
  });

  test("has caught up when everything is older", async () => {
    const { bus, until, pass, nowMs } = await open();
    await bus.reports.publish(textReport("old"));
    await pass(20);
    const seen = recordFollowing();
    bus.reports.follow({ sinceMs: nowMs(), ...seen.options });
    await until(() => seen.events.includes("caught-up"));
    expect(seen.events.at(0)).toBe("began");
    expect(seen.events.at(-1)).toBe("caught-up");
  });

  test("without a time hands out only what comes", async () => {
    const { bus, until } = await open();
    await bus.reports.publish(textReport("old"));
    const seen = recordFollowing();
    bus.reports.follow(seen.options);
    await until(() => seen.events.includes("caught-up"));
    await bus.reports.publish(textReport("new"));
    await until(() => seen.events.includes("new"));
    expect(seen.events).toEqual(["began", "caught-up", "new"]);
  });
}

function deliveryContract(open: OpenBus): void {
  test("hands out thousands in order, the same to everybody", async () => {
    const { bus, until } = await open();
    const texts = Array.from({ length: 2_000 }, (_, index) => `r${index}`);
    const [early, late] = [recordFollowing(), recordFollowing()];
    bus.reports.follow({ sinceMs: 0, ...early.options });
    await Promise.all(texts.map((text) => bus.reports.publish(textReport(text))));
    const follower = bus.reports.follow({ sinceMs: 0, ...late.options });
    await until(() => early.reports.length === 2_000 && late.events.includes("caught-up"));
    expect(late.reports.map(({ sequence }) => sequence)).toEqual(
      texts.map((_, index) => index + 1),
    );
    expect(early.reports.map(textOf)).toEqual(late.reports.map(textOf));
    expect(new Set(late.reports.map(textOf))).toEqual(new Set(texts));
    expect(early.epochs).toEqual(late.epochs);
    expect(follower.lag()).toBe(0);
  });

  test("goes on after a report at which the handler throws", async () => {
    const { bus, until } = await open();
    const seen = recordFollowing();
    bus.reports.follow({
      sinceMs: 0,
      ...seen.options,
      take(report) {
        seen.options.take(report);
        throw new Error("from a handler");
      },
    });
    await bus.reports.publish(textReport("a"));
    await bus.reports.publish(textReport("b"));
    await until(() => seen.reports.length === 2);
    expect(seen.reports.map(textOf)).toEqual(["a", "b"]);
  });

  test("hands out nothing once it is stopped", async () => {
    const { bus, until } = await open();
    const [stopped, going] = [recordFollowing(), recordFollowing()];
    const follower = bus.reports.follow({ sinceMs: 0, ...stopped.options });
    bus.reports.follow({ sinceMs: 0, ...going.options });
    await until(() => stopped.events.includes("caught-up"));
    await follower.stop();
    await bus.reports.publish(textReport("a"));
    await until(() => going.reports.length === 1);
    expect(stopped.events).toEqual(["began", "caught-up"]);
  });
}

function leaseContract(open: OpenBus): void {
  test("one owner holds a lease, renews it and gives it back", async () => {
    const { leases } = (await open()).bus;
    expect(await leases.take("publisher", "one")).toBe(true);
    expect(await leases.take("publisher", "one")).toBe(true);
    expect(await leases.take("publisher", "two")).toBe(false);
    expect(await leases.take("prober", "two")).toBe(true);
    await leases.release("publisher", "two");
    expect(await leases.take("publisher", "two")).toBe(false);
    await leases.release("publisher", "one");
    expect(await leases.take("publisher", "two")).toBe(true);
    expect(await leases.take("publisher", "one")).toBe(false);
    await expect(leases.take("a b", "one")).rejects.toThrow(RangeError);
  });

  test("says who holds a lease", async () => {
    const { leases } = (await open()).bus;
    expect(await leases.holder("publisher")).toBeUndefined();
    await leases.take("publisher", "one");
    expect(await leases.holder("publisher")).toBe("one");
    expect(await leases.holder("prober")).toBeUndefined();
    await leases.release("publisher", "one");
    expect(await leases.holder("publisher")).toBeUndefined();
    await expect(leases.holder("a b")).rejects.toThrow(RangeError);
  });

  test("of several who ask at once, one gets it", async () => {
    const { leases } = (await open()).bus;
    const owners = ["one", "two", "three", "four"];
    const taken = await Promise.all(owners.map((owner) => leases.take("publisher", owner)));
    expect(taken.filter((held) => held)).toHaveLength(1);
  });
}

/** Passes ten seconds and more: not part of the contract, so that it can run beside others. */
export async function expectLeasesToLapse({
  bus,
  pass,
}: Pick<BusHarness, "bus" | "pass">): Promise<void> {
  await bus.leases.take("publisher", "one");
  await pass(1_000);
  expect(await bus.leases.take("publisher", "one")).toBe(true);
  await pass(LEASE_MS - 1_000);
  expect(await bus.leases.take("publisher", "two")).toBe(false);
  await pass(1_500);
  expect(await bus.leases.holder("publisher")).toBeUndefined();
  expect(await bus.leases.take("publisher", "two")).toBe(true);
}

function closeContract(open: OpenBus): void {
  test("tells of the change once and rejects everything after", async () => {
    const { bus, until } = await open();
    const seen: BusStatus[] = [];
    const ignored: BusStatus[] = [];
    await until(() => bus.status() === "connected");
    bus.onStatus((status) => seen.push(status));
    bus.onStatus((status) => ignored.push(status))();
    await bus.close();
    await bus.close();
    expect(bus.status()).toBe("closed");
    expect(seen).toEqual(["closed"]);
    expect(ignored).toEqual([]);
    await expect(bus.reports.publish(textReport("a"))).rejects.toThrow(BusUnavailable);
    await expect(bus.scores.get("a")).rejects.toThrow(BusUnavailable);
    await expect(bus.scores.put("a", new Uint8Array(), 0)).rejects.toThrow(BusUnavailable);
    await expect(bus.scores.remove("a", 1)).rejects.toThrow(BusUnavailable);
    await expect(bus.scores.entries()).rejects.toThrow(BusUnavailable);
    await expect(bus.leases.take("a", "one")).rejects.toThrow(BusUnavailable);
    await expect(bus.leases.release("a", "one")).rejects.toThrow(BusUnavailable);
    await expect(bus.leases.holder("a")).rejects.toThrow(BusUnavailable);
  });

  test("hands out nothing any more, and following and watching a closed bus is harmless", async () => {
    const { bus, until } = await open();
    const seen = recordFollowing();
    const follower = bus.reports.follow({ sinceMs: 0, ...seen.options });
    await until(() => seen.events.includes("caught-up"));
    await bus.close();
    await follower.stop();
    await bus.reports.follow({ sinceMs: 0, ...seen.options }).stop();
    await bus.scores.watch(() => seen.events.push("watched")).stop();
    expect(seen.events).toEqual(["began", "caught-up"]);
  });

  test("a dead letter never rejects", async () => {
    const { bus } = await open();
    const report = {
      token: "a",
      sequence: 1,
      storedAtMs: 1,
      bytes: new Uint8Array(3),
      headers: {},
    };
    const letter = { reason: "not a report:\r\nbyte 3 is \u0000", report };
    await expect(bus.deadLetters.put(letter)).resolves.toBeUndefined();
    await bus.close();
    await expect(bus.deadLetters.put(letter)).resolves.toBeUndefined();
  });
}
