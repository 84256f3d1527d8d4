import { describe, expect, test } from "vitest";
import type { ModelScoreTable, PublishedVersion } from "../../../src/domain/health.ts";
import { scoreKeyOf } from "../../../src/health/endpoint-token.ts";
import { createPublishedScores } from "../../../src/health/published-scores.ts";
import {
  createLogBook,
  figuresOf,
  idOf,
  positionOf,
  START_MS,
  sha256,
  tableEntry,
  tableOf,
  versionEntry,
  versionOf,
} from "./score-fixture.ts";

function setUp(algorithmVersion = 1) {
  const { log, lines } = createLogBook();
  const time = { nowMs: START_MS };
  const published = createPublishedScores({
    algorithmVersion,
    hash: sha256,
    nowMs: () => time.nowMs,
    log,
  });
  const takeTable = (table: ModelScoreTable, origin: "watched" | "read" = "watched") =>
    published.take({ entry: tableEntry(table), receivedAtMs: time.nowMs, live: false }, origin);
  const takeVersion = (
    version: PublishedVersion,
    how: { readonly live?: boolean; readonly origin?: "watched" | "read" } = {},
  ) =>
    published.take(
      { entry: versionEntry(version), receivedAtMs: time.nowMs, live: how.live ?? true },
      how.origin ?? "watched",
    );
  return { published, time, lines, takeTable, takeVersion };
}

const at = (asOfMs: number, sequence = 1) => positionOf(sequence, { asOfMs });

describe("createPublishedScores()", () => {
  test("agrees when the tables are those of the version", () => {
    const { published, takeTable, takeVersion } = setUp();
    const tables = [tableOf("m", positionOf(1)), tableOf("n", positionOf(2))];
    expect(published.agrees()).toBe(false);
    takeVersion(versionOf(positionOf(2), tables));
    expect(published.agrees()).toBe(false);
    for (const table of tables) {
      takeTable(table);
    }
    expect(published.agrees()).toBe(true);
    expect(published.agrees()).toBe(true);
    takeTable(tableOf("m", positionOf(3)));
    expect(published.agrees()).toBe(false);
  });

  test("does not agree with figures that are others than those that were published", () => {
    const { published, takeTable, takeVersion } = setUp();
    const table = tableOf("m", positionOf(1), [figuresOf("a", { successes: 3 })]);
    takeVersion(versionOf(positionOf(1), [table]));
    takeTable({ ...table, endpoints: [figuresOf("a", { successes: 4 })] });
    expect(published.agrees()).toBe(false);
    takeTable(table, "read");
    expect(published.agrees()).toBe(true);
  });

  test("knows no time of a stream that is empty", () => {
    const { published, takeVersion } = setUp();
    takeVersion(versionOf(positionOf(0, { asOfMs: 0 }), []));
    expect(published.windowEndMs()).toBe(0);
    takeVersion(versionOf(at(START_MS), []));
    expect(published.windowEndMs()).toBe(START_MS);
  });

  test("refuses versions that are not newer, and counts them", () => {
    const { published, takeVersion } = setUp();
    expect(takeVersion(versionOf(positionOf(5), []))).toBe(true);
    expect(takeVersion(versionOf(positionOf(5), []))).toBe(false);
    expect(takeVersion(versionOf(positionOf(4), []), { origin: "read" })).toBe(false);
    expect(takeVersion(versionOf(positionOf(5), []), { origin: "read" })).toBe(true);
    expect(published.version()?.position.asOfSequence).toBe(5);
    expect(published.facts().refused).toBe(2);
  });

  test("refuses tables that are not newer, and counts them", () => {
    const { published, takeTable } = setUp();
    expect(takeTable(tableOf("m", positionOf(5)))).toBe(true);
    expect(takeTable(tableOf("m", positionOf(4)))).toBe(false);
    expect(published.facts().refused).toBe(1);
  });

  test("keeps what it has when a newer algorithm publishes", () => {
    const { published, takeTable, takeVersion } = setUp();
    takeTable(tableOf("m", positionOf(1)));
    takeVersion(versionOf(positionOf(1), [tableOf("m", positionOf(1))]));
    const newer = positionOf(9, { algorithmVersion: 2 });
    expect(takeTable(tableOf("m", newer, []))).toBe(false);
    expect(takeVersion(versionOf(newer, []))).toBe(false);
    expect(published.facts().unknownAlgorithm).toBe(2);
    expect(published.agrees()).toBe(true);
    expect(published.scores().size).toBe(1);
  });

  describe("an older algorithm, as after an upgrade that was taken back", () => {
    const newer = positionOf(1, { algorithmVersion: 2 });
    const soon = positionOf(99, { asOfMs: START_MS + 180_000 });
    const late = positionOf(99, { asOfMs: START_MS + 180_001 });

    function upgraded() {
      const built = setUp(2);
      built.takeTable(tableOf("m", newer));
      built.takeTable(tableOf("gone", newer));
      built.takeVersion(versionOf(newer, [tableOf("m", newer), tableOf("gone", newer)]));
      return built;
    }

    test("is refused while the newer one may still be there", () => {
      const { published, takeTable, takeVersion } = upgraded();
      expect(takeTable(tableOf("m", soon))).toBe(false);
      expect(takeTable(tableOf("m", soon), "read")).toBe(false);
      expect(takeVersion(versionOf(soon, []))).toBe(false);
      expect(published.agrees()).toBe(true);
    });

    test.each(["watched", "read"] as const)("is taken after 3 min, %s", (origin) => {
      const { published, takeTable, takeVersion } = upgraded();
      const table = tableOf("m", late);
      expect(takeTable(table, origin)).toBe(true);
      expect(takeTable(tableOf("gone", late, []), origin)).toBe(true);
      expect(published.agrees()).toBe(false);
      expect(takeVersion(versionOf(late, [table]), { origin })).toBe(true);
      expect(published.agrees()).toBe(true);
      expect(published.version()?.position).toEqual(late);
    });

    test("is not driven out by what the newer one wrote before", () => {
      const { published, takeTable, takeVersion } = upgraded();
      takeTable(tableOf("m", late));
      takeVersion(versionOf(late, []));
      expect(takeTable(tableOf("m", newer), "read")).toBe(false);
      expect(takeVersion(versionOf(newer, []), { origin: "read" })).toBe(false);
      expect(published.version()?.position).toEqual(late);
    });

    test("has its models alone, when the keys of the newer one are gone", () => {
      const { published, takeTable } = upgraded();
      takeTable(tableOf("m", late));
      published.retain(new Set([scoreKeyOf("m")]), late);
      expect(published.tables().map(({ model }) => model)).toEqual(["m"]);
    });
  });

  test("a new stream is taken although its sequences begin anew", () => {
    const { published, takeVersion } = setUp();
    takeVersion(versionOf(positionOf(100), []));
    const anew = positionOf(1, { streamEpoch: START_MS + 1 });
    expect(takeVersion(versionOf(anew, []))).toBe(true);
    expect(published.version()?.position).toEqual(anew);
  });

  test("what nobody can read is logged and counted", () => {
    const { published, lines, time } = setUp();
    for (const key of ["version", "scores.m"]) {
      const entry = { key, value: Uint8Array.of(255) };
      expect(published.take({ entry, receivedAtMs: time.nowMs, live: true }, "watched")).toBe(
        false,
      );
    }
    expect(published.facts().undecodable).toBe(2);
    expect(lines.map(({ level }) => level)).toEqual(["warn", "warn"]);
  });

  test.each([
    { name: "our clock is a minute ahead", skewMs: 60_000 },
    { name: "our clock is a minute behind", skewMs: -60_000 },
  ])("$name: what is seen to advance is neither old nor from the future", ({ skewMs }) => {
    const { published, time, takeVersion } = setUp();
    time.nowMs = START_MS + skewMs + 200;
    takeVersion(versionOf(at(START_MS), []));
    expect(time.nowMs - published.windowEndMs()).toBe(0);
    time.nowMs += 5_000;
    takeVersion(versionOf(at(START_MS + 4_000, 2), []));
    expect(time.nowMs - published.windowEndMs()).toBe(1_000);
    expect(published.facts().skewMs).toBe(skewMs + 200);
  });

  test("what is found lying there has the age of its position less the skew", () => {
    const { published, time, takeVersion } = setUp();
    time.nowMs = START_MS + 60_000;
    takeVersion(versionOf(at(START_MS), []));
    takeVersion(versionOf(at(START_MS + 1_000, 2), []), { live: false });
    expect(published.windowEndMs()).toBe(START_MS + 60_000);
    time.nowMs += 40_000;
    takeVersion(versionOf(at(START_MS + 10_000, 3), []), { live: false });
    expect(time.nowMs - published.windowEndMs()).toBe(30_000);
    expect(published.facts().skewMs).toBe(60_000);
  });

  test("without any skew learnt, what lies there is never from the future", () => {
    const { published, time, takeVersion } = setUp();
    takeVersion(versionOf(at(START_MS - 20_000), []), { live: false });
    expect(time.nowMs - published.windowEndMs()).toBe(20_000);
    takeVersion(versionOf(at(START_MS + 30_000, 2), []), { live: false });
    expect(time.nowMs - published.windowEndMs()).toBe(0);
    expect(published.facts().skewMs).toBeUndefined();
  });

  test("claims lapse by the stream's clock", () => {
    const { published, time, takeTable, takeVersion } = setUp();
    time.nowMs = START_MS + 60_000;
    const outside = { state: "degraded", reason: "", untilMs: START_MS + 1_000 } as const;
    takeVersion(versionOf(at(START_MS), []));
    takeTable(tableOf("m", at(START_MS), [figuresOf("a", { outside })]));
    expect(published.outside(idOf("a"))).toEqual(outside);
    const before = published.changes();
    published.lapse();
    expect(published.changes()).toBe(before);
    time.nowMs += 1_000;
    published.lapse();
    expect(published.changes()).toBe(before + 1);
    expect(published.outside(idOf("a"))).toBeUndefined();
    expect(published.scores().get(idOf("a"))?.degraded).toBe(false);
  });

  describe("takeKept()", () => {
    const kept = {
      version: versionOf(positionOf(50), [tableOf("old", positionOf(50))]),
      tables: [tableOf("old", positionOf(50))],
      windowEndMs: START_MS - 90_000,
    };

    test("shows what was kept, with its age, until the bus tells more", () => {
      const { published, takeTable, takeVersion } = setUp();
      published.takeKept(kept);
      expect([...published.scores().keys()]).toEqual(["old-a"]);
      expect(published.windowEndMs()).toBe(START_MS - 90_000);
      expect(published.facts().kept).toBe(true);
      expect(published.agrees()).toBe(false);
      const table = tableOf("m", positionOf(1));
      takeTable(table);
      takeVersion(versionOf(positionOf(1), [table]));
      expect(published.facts().kept).toBe(false);
      expect(published.agrees()).toBe(true);
      expect([...published.scores().keys()]).toEqual(["m-a"]);
      expect(published.agrees()).toBe(true);
    });

    test("comes too late when the bus has told a version", () => {
      const { published, takeVersion } = setUp();
      takeVersion(versionOf(positionOf(1), []));
      published.takeKept(kept);
      expect(published.scores().size).toBe(0);
      expect(published.version()?.position.asOfSequence).toBe(1);
    });

    test("is not used when a newer program kept it", () => {
      const { published } = setUp();
      const position = positionOf(1, { algorithmVersion: 2 });
      published.takeKept({ ...kept, version: versionOf(position, []) });
      expect(published.version()).toBeUndefined();
    });

    test("tables that a newer program kept are not used beside an older version", () => {
      const { published } = setUp();
      const newer = tableOf("new", positionOf(51, { algorithmVersion: 2 }));
      published.takeKept({ ...kept, tables: [...kept.tables, newer] });
      expect([...published.scores().keys()]).toEqual(["old-a"]);
    });
  });

  test("retain() forgets what is not stored any more, unless it is newer than it was told", () => {
    const { published, takeTable, takeVersion } = setUp();
    for (const model of ["m", "n"]) {
      takeTable(tableOf(model, positionOf(1)));
    }
    takeTable(tableOf("new", positionOf(3)));
    takeVersion(versionOf(positionOf(4), []));
    published.retain(new Set([scoreKeyOf("n")]), positionOf(2));
    expect([...published.scores().keys()].toSorted()).toEqual(["n-a", "new-a"]);
    expect(published.tables()).toHaveLength(2);
  });

  test("a table without endpoints keeps older ones out for a minute, and then is forgotten", () => {
    const { takeTable, takeVersion } = setUp();
    takeTable(tableOf("m", at(START_MS, 5), []));
    takeVersion(versionOf(at(START_MS + 60_000, 6), []));
    expect(takeTable(tableOf("m", at(START_MS, 4)))).toBe(false);
    takeVersion(versionOf(at(START_MS + 60_001, 7), []));
    expect(takeTable(tableOf("m", at(START_MS, 4)))).toBe(true);
  });
});
