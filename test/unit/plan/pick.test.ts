import { describe, expect, test } from "vitest";
import type { Contender } from "../../../src/plan/contender.ts";
import {
  draw,
  MAX_ORDER,
  raiseExplorers,
  recoveryMs,
  soonestFirst,
} from "../../../src/plan/pick.ts";
import { createRandom } from "../../../src/plan/random.ts";
import { contender, NOW_MS } from "./plan-fixture.ts";

function idsOf(contenders: readonly Contender[]): readonly string[] {
  return contenders.map(({ forecast: { endpoint } }) => endpoint.id);
}

describe("draw()", () => {
  test("picks first in proportion to weight, and next in proportion among the rest", () => {
    const random = createRandom("draw");
    const all = [1, 2, 7].map((weight) => contender(`${weight}`, { weight }));
    const counts: Record<string, number> = {};
    const runs = 100_000;
    for (let run = 0; run < runs; run += 1) {
      const [first = "", second = ""] = idsOf(draw(all, 0, random));
      counts[first] = (counts[first] ?? 0) + 1;
      counts[`${first}>${second}`] = (counts[`${first}>${second}`] ?? 0) + 1;
    }
    expect((counts["7"] ?? 0) / runs).toBeCloseTo(0.7, 2);
    expect((counts["2"] ?? 0) / runs).toBeCloseTo(0.2, 2);
    expect((counts["7>2"] ?? 0) / (counts["7"] ?? 1)).toBeCloseTo(2 / 3, 2);
  });

  test("never puts a later group before an earlier one", () => {
    const all = [
      contender("late", { group: 2, weight: 1e9 }),
      contender("early", { group: 0, weight: 1e-9 }),
      contender("middle", { group: 1 }),
    ];
    expect(idsOf(draw(all, 0, createRandom("x")))).toEqual(["early", "middle", "late"]);
  });

  test("returns the eight smallest keys of many, group by group", () => {
    const all = Array.from({ length: 60 }, (_, index) =>
      contender(`${index}`, { group: index % 20 === 0 ? 0 : 1, weight: 1 + (index % 7) }),
    );
    for (let seed = 0; seed < 200; seed += 1) {
      const random = createRandom(`many-${seed}`);
      const keys = all.map(({ group, weight }) => ({ group, key: -Math.log(random()) / weight }));
      const expected = keys
        .sort((left, right) => left.group - right.group || left.key - right.key)
        .slice(0, MAX_ORDER);
      const order = draw(all, 0, createRandom(`many-${seed}`));
      expect(order.map(({ group, key }) => ({ group, key }))).toEqual(expected);
    }
  });

  test("draws what weighs nothing last", () => {
    const all = [contender("zero", { weight: 0 }), contender("tiny", { weight: 1e-300 })];
    expect(idsOf(draw(all, 0, createRandom("z")))).toEqual(["tiny", "zero"]);
  });

  test("gives an exploring endpoint of a later group the first place or its own", () => {
    const random = createRandom("explore");
    const orders = Array.from({ length: 20_000 }, () =>
      idsOf(
        draw(
          [
            contender("a", { weight: 98 }),
            contender("b", { weight: 1 }),
            contender("c", { group: 1 }),
            contender("probe", { group: 2, weight: 1, explores: true }),
          ],
          0,
          random,
        ),
      ),
    );
    const first = orders.filter(([id]) => id === "probe");
    expect(first.length / orders.length).toBeCloseTo(0.01, 2);
    expect(first.every((order) => order.at(-1) === "c")).toBe(true);
    expect(orders.every((order) => order.indexOf("probe") % 3 === 0)).toBe(true);
  });

  test("keeps to eight when an exploring endpoint comes first", () => {
    const all = Array.from({ length: MAX_ORDER }, (_, index) => contender(`${index}`));
    const probe = contender("probe", { group: 1, weight: 1e9, explores: true });
    const order = idsOf(draw([...all, probe], 0, createRandom("eight")));
    expect(order).toHaveLength(MAX_ORDER);
    expect(order[0]).toBe("probe");
  });
});

describe("raiseExplorers()", () => {
  function shares(...contenders: readonly Contender[]): readonly number[] {
    const sum = raiseExplorers(contenders, 0);
    return contenders.map(({ weight }) => weight / sum);
  }

  test("returns the sum of the first group and changes nothing when nobody explores", () => {
    const all = [contender("a", { weight: 3 }), contender("b", { weight: 5, group: 1 })];
    expect(raiseExplorers(all, 0)).toBe(3);
    expect(all.map(({ weight }) => weight)).toEqual([3, 5]);
  });

  test("splits a hundredth among those that explore", () => {
    const [, cold, probe] = shares(
      contender("a"),
      contender("cold", { weight: 0, explores: true }),
      contender("probe", { weight: 9, group: 1, explores: true }),
    );
    expect([cold, probe]).toEqual([expect.closeTo(0.005, 12), expect.closeTo(0.005, 12)]);
  });

  test("takes nothing from a cold endpoint that earns more by itself", () => {
    expect(shares(contender("a"), contender("cold", { explores: true }))).toEqual([0.5, 0.5]);
  });

  test("explores less what is many times worse", () => {
    const [, dear] = shares(
      contender("a"),
      contender("b", { weight: 0, ratio: 30, explores: true }),
    );
    expect(dear).toBeCloseTo(0.001, 4);
  });
});

describe("soonestFirst()", () => {
  test("orders by the end of the block and keeps the order of ties", () => {
    const at = (id: string, untilMs: number) =>
      contender(id, { block: { reason: "breaker-open", untilMs: NOW_MS + untilMs } });
    expect(idsOf(soonestFirst([at("c", 9), at("a", 1), at("b", 1)]))).toEqual(["a", "b", "c"]);
    expect(recoveryMs(contender("free"))).toBe(0);
  });
});
