import { describe, expect, test } from "vitest";
import type { ModelScoreTable } from "../../../src/domain/health.ts";
import { createScoreTables, type TableOrigin } from "../../../src/health/score-tables.ts";
import { encodeTable } from "../../../src/health/table-codec.ts";
import { figuresOf, hashOf, idOf, positionOf, START_MS, sha256, tableOf } from "./score-fixture.ts";

function setUp() {
  const tables = createScoreTables({ hash: sha256, busMs: () => START_MS });
  return {
    ...tables,
    take: (table: ModelScoreTable, origin: TableOrigin) =>
      tables.take(table, encodeTable(table), origin),
  };
}

const claim = (state: "degraded" | "down", untilMs: number) => ({ state, reason: "r", untilMs });

describe("createScoreTables()", () => {
  test("refuses what is older or equal, in whatever order it comes", () => {
    const tables = setUp();
    expect(tables.take(tableOf("m", positionOf(5)), "watched")).toBe(true);
    expect(tables.take(tableOf("m", positionOf(4)), "watched")).toBe(false);
    expect(tables.take(tableOf("m", positionOf(5)), "watched")).toBe(false);
    expect(tables.take(tableOf("m", positionOf(6)), "watched")).toBe(true);
    expect(tables.tables().map(({ position }) => position.asOfSequence)).toEqual([6]);
  });

  test("models do not wait for each other", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(5)), "watched");
    expect(tables.take(tableOf("n", positionOf(1)), "watched")).toBe(true);
  });

  test("takes a new stream although its sequences begin anew", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(5)), "watched");
    const wiped = positionOf(1, { streamEpoch: START_MS + 1 });
    expect(tables.take(tableOf("m", wiped), "watched")).toBe(true);
  });

  test("refuses an older algorithm whatever its sequence", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(1, { algorithmVersion: 2 })), "watched");
    expect(tables.take(tableOf("m", positionOf(9)), "watched")).toBe(false);
  });

  test("what is read to make good a loss replaces its equals, and nothing newer", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(5), []), "watched");
    expect(tables.take(tableOf("m", positionOf(5)), "read")).toBe(true);
    expect(tables.take(tableOf("m", positionOf(4)), "read")).toBe(false);
  });

  test("what was kept gives way to anything and replaces nothing", () => {
    const tables = setUp();
    const sequences = () => tables.tables().map(({ position }) => position.asOfSequence);
    tables.keep(tableOf("m", positionOf(9)));
    tables.keep(tableOf("m", positionOf(10)));
    expect(sequences()).toEqual([9]);
    expect(tables.take(tableOf("m", positionOf(1)), "watched")).toBe(true);
    tables.keep(tableOf("m", positionOf(9)));
    expect(sequences()).toEqual([1]);
  });

  test("what was kept has no part in the hash, and can be dropped", () => {
    const tables = setUp();
    tables.keep(tableOf("old", positionOf(9)));
    const table = tableOf("m", positionOf(1));
    tables.take(table, "watched");
    tables.take(tableOf("gone", positionOf(1), []), "watched");
    expect(tables.stateSha256()).toEqual(hashOf([table]));
    expect(tables.dropKept()).toBe(true);
    expect(tables.dropKept()).toBe(false);
    expect([...tables.scores().keys()]).toEqual(["m-a"]);
  });

  test("endpoints that a newer table lacks are gone, with their claims", () => {
    const tables = setUp();
    const outside = claim("down", START_MS + 10);
    const both = [figuresOf("a", { outside }), figuresOf("b")];
    tables.take(tableOf("m", positionOf(1), both), "watched");
    expect([...tables.scores().keys()]).toEqual(["a", "b"]);
    tables.take(tableOf("m", positionOf(2), [figuresOf("b")]), "watched");
    expect([...tables.scores().keys()]).toEqual(["b"]);
    expect(tables.outside(idOf("a"), START_MS)).toBeUndefined();
  });

  test("a model without endpoints is gone, and an older table does not bring it back", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(1)), "watched");
    tables.take(tableOf("m", positionOf(3), []), "watched");
    expect(tables.take(tableOf("m", positionOf(2)), "watched")).toBe(false);
    expect(tables.scores().size).toBe(0);
  });

  test("an endpoint that moved to another model stays when the first one drops it", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(1), [figuresOf("a")]), "watched");
    tables.take(tableOf("n", positionOf(2), [figuresOf("a", { successes: 77 })]), "watched");
    tables.take(tableOf("m", positionOf(2), []), "watched");
    expect(tables.scores().get(idOf("a"))?.successes).toBe(77);
  });

  test("scores are the same map until something changes", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(1)), "watched");
    const before = tables.scores();
    expect(tables.scores()).toBe(before);
    tables.take(tableOf("n", positionOf(1)), "watched");
    expect(tables.scores()).not.toBe(before);
    expect(before.size).toBe(1);
  });

  test("a claim ends by itself, and with it the endpoint's degradation", () => {
    const tables = setUp();
    const outside = claim("degraded", START_MS + 10);
    tables.take(tableOf("m", positionOf(1), [figuresOf("a", { outside })]), "watched");
    expect(tables.outside(idOf("a"), START_MS + 9)).toEqual(outside);
    expect(tables.outside(idOf("a"), START_MS + 10)).toBeUndefined();
    expect(tables.outside(idOf("b"), START_MS)).toBeUndefined();
    expect(tables.lapse(START_MS + 9)).toBe(false);
    expect(tables.scores().get(idOf("a"))?.degraded).toBe(true);
    expect(tables.lapse(START_MS + 10)).toBe(true);
    expect(tables.scores().get(idOf("a"))?.degraded).toBe(false);
    expect(tables.lapse(START_MS + 10)).toBe(false);
  });

  test("last seconds end by themselves 30 s after their table, and with them the degradation", () => {
    const tables = setUp();
    const failing = { recentFailures: 6 };
    const slow = { recentFirstTokens: 3, recentFirstTokenMicro: 9_000_000_000 };
    const firstTokenMs = { count: 40, p5Micro: 1e6, p50Micro: 2e7, p95Micro: 9e7 };
    const claimed = { outside: claim("down", START_MS + 10), ...failing };
    const all = [
      figuresOf("failing", failing),
      figuresOf("slow", { ...slow, firstTokenMs }),
      figuresOf("claimed", claimed),
      figuresOf("sound"),
    ];
    tables.take(tableOf("m", positionOf(1), all), "watched");
    const degraded = () =>
      [...tables.scores()].flatMap(([id, score]) => (score.degraded ? id : []));
    expect(tables.lapse(START_MS + 10)).toBe(true);
    expect(degraded()).toEqual(["failing", "slow", "claimed"]);
    expect(tables.lapse(START_MS + 29_999)).toBe(false);
    const before = tables.scores();
    expect(tables.lapse(START_MS + 30_000)).toBe(true);
    expect(degraded()).toEqual([]);
    expect(tables.scores().get(idOf("failing"))?.recent.failures).toBe(0);
    expect(tables.scores().get(idOf("sound"))).toBe(before.get(idOf("sound")));
    expect(tables.lapse(START_MS + 40_000)).toBe(false);
  });

  test("last seconds end with their own table, whatever became of the model before", () => {
    const tables = setUp();
    const failing = figuresOf("a", { recentFailures: 6 });
    tables.take(tableOf("m", positionOf(1), [failing]), "watched");
    const later = positionOf(2, { asOfMs: START_MS + 20_000 });
    tables.take(tableOf("m", later, [failing]), "watched");
    expect(tables.lapse(START_MS + 30_000)).toBe(false);
    tables.take(tableOf("n", later, [failing, figuresOf("b", { recentFailures: 6 })]), "watched");
    tables.take(tableOf("m", positionOf(3, { asOfMs: START_MS + 21_000 }), []), "watched");
    expect(tables.scores().get(idOf("a"))?.degraded).toBe(true);
    expect(tables.lapse(START_MS + 50_000)).toBe(true);
    expect(tables.lapse(START_MS + 60_000)).toBe(false);
  });

  test("does not end for one model what another one's table tells", () => {
    const tables = setUp();
    const failing = figuresOf("a", { recentFailures: 6 });
    tables.take(tableOf("m", positionOf(1), [failing]), "watched");
    const later = positionOf(2, { asOfMs: START_MS + 20_000 });
    tables.take(tableOf("n", later, [failing]), "watched");
    expect(tables.lapse(START_MS + 30_000)).toBe(false);
    expect(tables.scores().get(idOf("a"))?.degraded).toBe(true);
    expect(tables.lapse(START_MS + 50_000)).toBe(true);
    expect(tables.scores().get(idOf("a"))?.degraded).toBe(false);
  });

  test("what was kept for longer than 30 s tells of no last seconds", () => {
    const tables = setUp();
    const before = positionOf(1, { asOfMs: START_MS - 30_000 });
    tables.keep(tableOf("m", before, [figuresOf("a", { recentFailures: 6 })]));
    expect(tables.scores().get(idOf("a"))).toMatchObject({
      recent: { failures: 0 },
      degraded: false,
    });
  });

  test("a newer table withdraws a claim", () => {
    const tables = setUp();
    const outside = claim("down", START_MS + 10);
    tables.take(tableOf("m", positionOf(1), [figuresOf("a", { outside })]), "watched");
    tables.take(tableOf("m", positionOf(2), [figuresOf("a")]), "watched");
    expect(tables.outside(idOf("a"), START_MS)).toBeUndefined();
  });

  test("holds no table without endpoints for longer than it is told to", () => {
    const tables = setUp();
    const emptied = (model: string, asOfMs: number) =>
      tableOf(model, positionOf(5, { asOfMs }), []);
    tables.take(emptied("m", START_MS), "watched");
    tables.take(emptied("n", START_MS - 1), "watched");
    tables.take(tableOf("full", positionOf(5, { asOfMs: START_MS - 1 })), "watched");
    expect(tables.tables().map(({ model }) => model)).toEqual(["full"]);
    tables.dropEmpty(START_MS);
    expect(tables.take(tableOf("m", positionOf(4)), "watched")).toBe(false);
    expect(tables.take(tableOf("n", positionOf(4)), "watched")).toBe(true);
    tables.dropEmpty(START_MS + 1);
    expect(tables.take(tableOf("m", positionOf(4)), "watched")).toBe(true);
    expect(tables.scores().size).toBe(3);
  });

  test("a model that came back is not dropped with those that are gone", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(5), []), "watched");
    tables.take(tableOf("m", positionOf(6)), "watched");
    tables.dropEmpty(START_MS + 1);
    expect([...tables.scores().keys()]).toEqual(["m-a"]);
    expect(tables.take(tableOf("m", positionOf(5)), "watched")).toBe(false);
  });

  test("drops what it is told to", () => {
    const tables = setUp();
    tables.take(tableOf("m", positionOf(1)), "watched");
    tables.take(tableOf("n", positionOf(1)), "watched");
    expect(tables.drop(({ model }) => model === "m")).toBe(true);
    expect(tables.drop(({ model }) => model === "m")).toBe(false);
    expect([...tables.scores().keys()]).toEqual(["n-a"]);
  });
});
