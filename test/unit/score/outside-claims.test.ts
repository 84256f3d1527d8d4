import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type OutsideClaim, outsideStates } from "../../../src/domain/health.ts";
import { createCanonicalBytes } from "../../../src/score/canonical-bytes.ts";
import { createOutsideClaims, type OutsideClaims } from "../../../src/score/outside-claims.ts";

const MINUTE_MS = 60_000;

type Made = { readonly claim: OutsideClaim; readonly sinceMs: number };

function made(minute: number, minutes: number, changes: Partial<OutsideClaim> = {}): Made {
  const untilMs = (minute + minutes) * MINUTE_MS;
  return {
    sinceMs: minute * MINUTE_MS,
    claim: { state: "up", reason: "", untilMs, ...changes },
  };
}

function claimsOf(list: readonly Made[]): OutsideClaims {
  const claims = createOutsideClaims();
  for (const { claim, sinceMs } of list) {
    claims.add(claim, sinceMs);
  }
  return claims;
}

function bytesOf(claims: OutsideClaims): string {
  const bytes = createCanonicalBytes();
  claims.write(bytes);
  return Buffer.from(bytes.view()).toString("hex");
}

function statesOf(claims: OutsideClaims, minutes: number) {
  return Array.from({ length: minutes }, (_, minute) => claims.stateIn(minute));
}

describe("createOutsideClaims()", () => {
  test("has no claim at first", () => {
    const claims = createOutsideClaims();
    expect(claims.isEmpty()).toBe(true);
    expect(claims.current(0)).toBeUndefined();
    expect(claims.stateIn(0)).toBeUndefined();
  });

  test("holds a claim until it lapses", () => {
    const { claim, sinceMs } = made(1, 2, { state: "down", reason: "incident 7" });
    const claims = claimsOf([{ claim, sinceMs }]);
    expect(claims.current(3 * MINUTE_MS - 1)).toEqual(claim);
    expect(claims.current(3 * MINUTE_MS)).toBeUndefined();
  });

  test("does not bring an older claim back", () => {
    const claims = claimsOf([made(0, 30, { state: "down" }), made(1, 1)]);
    expect(claims.current(MINUTE_MS)?.state).toBe("up");
    expect(claims.current(2 * MINUTE_MS)).toBeUndefined();
  });

  test.each([
    { name: "its own minute, however short it is", since: 1.9, minutes: 0.01, last: 1 },
    { name: "no minute that begins when it lapses", since: 1, minutes: 3, last: 3 },
    { name: "the minute in which it lapses", since: 1, minutes: 3.01, last: 4 },
  ])("speaks for $name", ({ since, minutes, last }) => {
    const states = statesOf(claimsOf([made(since, minutes)]), 6);
    expect(states).toEqual([0, 1, 2, 3, 4, 5].map((m) => (m >= 1 && m <= last ? "up" : undefined)));
  });

  test("speaks for no minute since a newer claim, also when that lapses first", () => {
    const claims = claimsOf([made(0, 20, { state: "down" }), made(2.5, 1)]);
    expect(statesOf(claims, 6)).toEqual(["down", "down", "up", "up", undefined, undefined]);
  });

  test("lets each minute be told by the newest claim before it", () => {
    const claims = claimsOf([made(0, 20, { state: "down" }), made(2, 20, { state: "degraded" })]);
    expect(statesOf(claims, 4)).toEqual(["down", "down", "degraded", "degraded"]);
  });

  test("drops what is older than thirty minutes", () => {
    const claims = claimsOf([made(0, 1), made(1, 1)]);
    claims.prune(30);
    expect(claims.stateIn(0)).toBe("up");
    claims.prune(31);
    expect(claims.stateIn(0)).toBeUndefined();
    claims.prune(32);
    expect(claims.isEmpty()).toBe(true);
  });

  test("takes no room for what comes after", () => {
    const long = Array.from({ length: 500 }, (_, minute) => made(minute, 1));
    expect(bytesOf(claimsOf(long))).toBe(bytesOf(claimsOf(long.slice(-31))));
  });

  test("keeps the later one of one minute, whichever was added first", () => {
    const [older, newer] = [made(0.4, 1, { state: "down" }), made(0.5, 1)];
    for (const list of [
      [older, newer],
      [newer, older],
    ]) {
      expect(claimsOf(list).current(newer.sinceMs)).toEqual(newer.claim);
    }
  });

  test("takes the one that was added last for the newer of one moment", () => {
    const [down, up] = [made(0, 9, { state: "down" }), made(0, 1)];
    expect(claimsOf([down, up]).current(0)).toEqual(up.claim);
    expect(claimsOf([up, down]).current(0)).toEqual(down.claim);
  });

  test("depends on the order of those of one moment alone", () => {
    const anyMade = fc.record({
      sinceMs: fc.oneof(fc.nat(3), fc.nat(30 * MINUTE_MS)),
      claim: fc.record({
        state: fc.constantFrom(...outsideStates),
        reason: fc.constantFrom("", "a", "b"),
        untilMs: fc.nat(60 * MINUTE_MS),
      }),
    });
    const shuffled = fc
      .uniqueArray(anyMade, { maxLength: 20, selector: ({ sinceMs }) => sinceMs })
      .chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([list, permuted]) => {
        expect(bytesOf(claimsOf(permuted))).toBe(bytesOf(claimsOf(list)));
        expect(bytesOf(claimsOf([...permuted, ...list]))).toBe(bytesOf(claimsOf(list)));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
