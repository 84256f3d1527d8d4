import { describe, expect, test } from "vitest";
import type { ScorePosition } from "../../../src/domain/health.ts";
import { startScoreReader } from "../../../src/health/score-reader.ts";
import { startScorer } from "../../../src/health/scorer.ts";
import { createHealthFold } from "../../../src/score/health-fold.ts";
import {
  createSwitchedBus,
  idOf,
  outgoing,
  positionOf,
  publish,
  reportOf,
  START_MS,
  sha256,
  tableOf,
} from "../../unit/health/score-fixture.ts";

/** When plans stop to heed scores. */
const OLD_MS = 180_000;

/** In which scorers have written over what is too old. */
const MINUTE_MS = 60_000;

/** A bus, and programs of any algorithm on it. */
function createFleet() {
  const world = createSwitchedBus();
  const { bus, clock, log } = world;
  let starts = 0;
  const ports = {
    ...clock,
    bus,
    hash: sha256,
    random: () => 0.5,
    yieldTurn: async () => undefined,
    log,
  };
  return {
    ...world,
    startScorer(algorithmVersion: number) {
      const fold = createHealthFold({ hash: sha256 });
      const ours = (position: ScorePosition) => ({ ...position, algorithmVersion });
      starts += 1;
      return startScorer({
        ...ports,
        fold: {
          ...fold,
          position: () => ours(fold.position()),
          table(model) {
            const table = fold.table(model);
            return { ...table, position: ours(table.position) };
          },
        },
        name: `scorer-${starts}`,
        boot: BigInt(starts),
      });
    },
    startReader: (algorithmVersion: number, aheadMs = 0) =>
      startScoreReader({ ...ports, algorithmVersion, nowMs: () => clock.nowMs() + aheadMs }),
    tell: () => bus.reports.publish(outgoing(reportOf(1, { observedAtMs: clock.nowMs() }))),
  };
}

type Reader = ReturnType<typeof startScoreReader>;

const algorithmOf = (reader: Reader) => reader.status().version?.position.algorithmVersion;

/** Holds what is published, knows how old it is, and shows it. */
const sound = { verified: true, stale: false, kept: false };

describe("an upgrade of the algorithm that is taken back", () => {
  test("routers of both take what is published then, without any call, and the upgrade again", async () => {
    const { clock, ...fleet } = createFleet();
    const upgraded = fleet.startScorer(5);
    const stayed = fleet.startReader(5);
    await fleet.tell();
    await clock.advance(20_000);
    expect(algorithmOf(stayed)).toBe(5);
    await upgraded.close();
    const scorers = [fleet.startScorer(4), fleet.startScorer(4)];
    const wentBack = fleet.startReader(4, 60_000);
    await clock.advance(OLD_MS - 20_000);
    expect([stayed, wentBack].map(algorithmOf)).toEqual([5, undefined]);
    await clock.advance(20_000 + MINUTE_MS);
    for (const reader of [stayed, wentBack]) {
      expect(algorithmOf(reader)).toBe(4);
      expect(reader.status()).toMatchObject(sound);
      expect(reader.latest().scores.get(idOf("a"))).toBeDefined();
      expect(reader.tables().map(({ position }) => position.algorithmVersion)).toEqual([4]);
    }
    expect(stayed.status().skewMs).toBe(0);
    expect(wentBack.status().skewMs).toBe(60_000);
    expect(scorers.filter((scorer) => scorer.status().leader)).toHaveLength(1);
    await Promise.all(scorers.map((scorer) => scorer.close()));
    const again = fleet.startScorer(5);
    await clock.advance(20_000);
    expect([stayed, wentBack].map(algorithmOf)).toEqual([5, 4]);
    expect(stayed.status()).toMatchObject({ ...sound, refused: 0 });
    expect(wentBack.status()).toMatchObject({ verified: true, stale: true });
    await Promise.all([again.close(), stayed.close(), wentBack.close()]);
    expect(clock.pending()).toBe(0);
  });

  test("a scorer of the old one beside one of the new one changes nothing", async () => {
    const { clock, lines, ...fleet } = createFleet();
    const upgraded = fleet.startScorer(5);
    const reader = fleet.startReader(5);
    await fleet.tell();
    await clock.advance(20_000);
    const old = fleet.startScorer(4);
    await clock.advance(10 * MINUTE_MS);
    expect(algorithmOf(reader)).toBe(5);
    expect(reader.status()).toMatchObject({ ...sound, refused: 0 });
    expect(upgraded.status()).toMatchObject({ leader: true, conflicts: 0 });
    expect(old.status()).toMatchObject({ leader: false, published: 0 });
    await Promise.all([old.close(), upgraded.close(), reader.close()]);
  });
});

describe("a stream whose date is earlier than that of the one before", () => {
  test("is published once the other's scores are too old, without any call", async () => {
    const { clock, ...fleet } = createFleet();
    const reader = fleet.startReader(4);
    const before = positionOf(1_000, {
      algorithmVersion: 4,
      streamEpoch: START_MS + 24 * 60 * MINUTE_MS,
    });
    await clock.advance(0);
    await publish(fleet.memory.scores, before, [tableOf("m", before), tableOf("gone", before)]);
    const scorer = fleet.startScorer(4);
    await fleet.tell();
    await clock.advance(OLD_MS - 10_000);
    expect(reader.status().version?.position).toEqual(before);
    await clock.advance(10_000 + MINUTE_MS);
    expect(scorer.status()).toMatchObject({ leader: true });
    expect(reader.status()).toMatchObject({ ...sound, version: { publisher: "scorer-1" } });
    expect([...reader.latest().scores.keys()]).toEqual(["a"]);
    await Promise.all([scorer.close(), reader.close()]);
  });
});
