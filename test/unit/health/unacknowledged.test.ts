import { describe, expect, it } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import {
  createUnacknowledged,
  MAX_IN_FLIGHT,
  type Unacknowledged,
} from "../../../src/health/unacknowledged.ts";
import { REPLAY_WINDOW } from "../../../src/score/replay-window.ts";

const NEVER = Number.POSITIVE_INFINITY;
const endpoint = "a" as EndpointId;
const report = { token: "a", id: "p:1:1", bytes: new Uint8Array() };

/** Adds and confirms until there is no room. */
function fill(unacknowledged: Unacknowledged): number {
  let added = 0;
  while (unacknowledged.hasRoom()) {
    unacknowledged.forget(unacknowledged.add(endpoint, report, NEVER));
    added += 1;
  }
  return added;
}

describe("createUnacknowledged()", () => {
  it("lets at most 64 be under way", () => {
    const unacknowledged = createUnacknowledged();
    let added = 0;
    while (unacknowledged.hasRoom()) {
      unacknowledged.add(endpoint, report, NEVER);
      added += 1;
    }
    expect(added).toBe(MAX_IN_FLIGHT);
  });

  it("counts sequences from 1 up", () => {
    const unacknowledged = createUnacknowledged();
    expect(unacknowledged.nextSequence()).toBe(1);
    expect(unacknowledged.add(endpoint, report, NEVER).sequence).toBe(1);
    expect(unacknowledged.nextSequence()).toBe(2);
  });

  it("never goes 64 past the oldest that is not acknowledged", () => {
    const unacknowledged = createUnacknowledged();
    const oldest = unacknowledged.add(endpoint, report, NEVER);
    expect(fill(unacknowledged)).toBe(REPLAY_WINDOW - 1);
    unacknowledged.retry(oldest);
    expect(unacknowledged.hasRoom()).toBe(false);
    const again = unacknowledged.nextRepeated(0);
    expect(again).toBe(oldest);
    unacknowledged.forget(oldest);
    expect(unacknowledged.hasRoom()).toBe(true);
  });

  it("hands out the oldest that failed first, each once", () => {
    const unacknowledged = createUnacknowledged();
    const sent = [1, 2, 3].map(() => unacknowledged.add(endpoint, report, NEVER));
    for (const sending of sent.toReversed()) {
      unacknowledged.retry(sending);
    }
    const again = [1, 2, 3, 4].map(() => unacknowledged.nextRepeated(0)?.sequence);
    expect(again).toEqual([1, 2, 3, undefined]);
  });

  it("hands out none again while 64 are under way", () => {
    const unacknowledged = createUnacknowledged();
    const first = unacknowledged.add(endpoint, report, NEVER);
    unacknowledged.retry(first);
    for (let count = 0; count < MAX_IN_FLIGHT; count += 1) {
      unacknowledged.add(endpoint, report, NEVER);
    }
    expect(unacknowledged.nextRepeated(0)).toBeUndefined();
  });

  it("gives up what nobody would count any more, unless it is under way", () => {
    const unacknowledged = createUnacknowledged();
    const failed = unacknowledged.add(endpoint, report, 1_000);
    unacknowledged.add(endpoint, report, 1_000);
    unacknowledged.retry(failed);
    expect(unacknowledged.nextRepeated(1_000)).toBeUndefined();
    expect(unacknowledged.stats()).toEqual({ unacknowledged: 1, inFlight: 1, lapsed: 1 });
  });

  it("forgets what was passed over as often as it may be, and in a row alone", () => {
    const unacknowledged = createUnacknowledged();
    const sending = unacknowledged.add(endpoint, report, NEVER);
    expect(unacknowledged.passedOver(sending, 2)).toBe(false);
    // It is not under way.
    expect(unacknowledged.passedOver(sending, 2)).toBe(false);
    unacknowledged.nextRepeated(0);
    unacknowledged.retry(sending);
    unacknowledged.nextRepeated(0);
    expect(unacknowledged.passedOver(sending, 2)).toBe(false);
    expect(unacknowledged.nextRepeated(0)).toBe(sending);
    expect(unacknowledged.passedOver(sending, 2)).toBe(true);
    expect(unacknowledged.stats()).toEqual({ unacknowledged: 0, inFlight: 0, lapsed: 0 });
  });

  it("knows of whom a report failed until that one is stored, forgotten or lapsed", () => {
    const unacknowledged = createUnacknowledged();
    const other = "b" as EndpointId;
    const first = unacknowledged.add(endpoint, report, NEVER);
    const second = unacknowledged.add(endpoint, report, 1_000);
    const third = unacknowledged.add(other, report, NEVER);
    const told = () => [
      unacknowledged.hasFailed(endpoint),
      unacknowledged.hasFailed(other),
      unacknowledged.recoveries(),
    ];
    expect(told()).toEqual([false, false, 0]);
    unacknowledged.retry(first);
    expect(told()).toEqual([true, false, 0]);
    unacknowledged.nextRepeated(0);
    // On its way again, and once more.
    unacknowledged.retry(first);
    unacknowledged.passedOver(second, 5);
    unacknowledged.passedOver(third, 1);
    expect(told()).toEqual([true, false, 1]);
    unacknowledged.nextRepeated(0);
    unacknowledged.forget(first);
    expect(told()).toEqual([true, false, 2]);
    expect(unacknowledged.nextRepeated(1_000)).toBeUndefined();
    expect(told()).toEqual([false, false, 3]);
  });

  it("settles a report once", () => {
    const unacknowledged = createUnacknowledged();
    const sending = unacknowledged.add(endpoint, report, NEVER);
    unacknowledged.retry(sending);
    unacknowledged.forget(sending);
    unacknowledged.retry(sending);
    expect(unacknowledged.stats()).toEqual({ unacknowledged: 1, inFlight: 0, lapsed: 0 });
    unacknowledged.nextRepeated(0);
    unacknowledged.forget(sending);
    unacknowledged.forget(sending);
    expect(unacknowledged.stats()).toEqual({ unacknowledged: 0, inFlight: 0, lapsed: 0 });
  });
});
