import { describe, expect, test } from "vitest";
import type { OutgoingReport } from "../../../src/domain/bus.ts";
import { decodeReport } from "../../../src/health/report-codec.ts";
import { createScorerTick } from "../../../src/health/scorer-tick.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { createLogBook, START_MS } from "./score-fixture.ts";

function setUp() {
  const clock = createManualClock(START_MS);
  const { log, lines } = createLogBook();
  const sent: OutgoingReport[] = [];
  const world = { isDue: true, isOn: true, onTheWay: Promise.resolve() };
  const tick = createScorerTick({
    ...clock,
    name: "scorer-1",
    boot: 9n,
    isDue: () => world.isDue,
    log,
    reports: {
      async publish(report) {
        sent.push(report);
        await world.onTheWay;
        if (!world.isOn) {
          throw new Error("off");
        }
        return sent.length;
      },
    },
  });
  return { clock, lines, sent, world, tick };
}

describe("createScorerTick()", () => {
  test("ticks every 5 s, each with its own number", async () => {
    const { clock, sent } = setUp();
    await clock.advance(11_000);
    expect(sent.map(({ token, id }) => [token, id])).toEqual([
      ["_tick", "scorer-1:9:1"],
      ["_tick", "scorer-1:9:2"],
    ]);
    expect(sent.map(({ bytes }) => decodeReport(bytes))).toMatchObject([
      { producer: "scorer-1", boot: 9n, sequence: 1, endpoint: "", signal: { kind: "tick" } },
      { sequence: 2, observedAtMs: START_MS + 10_000 },
    ]);
  });

  test("does not tick while it is not due", async () => {
    const { clock, sent, world } = setUp();
    world.isDue = false;
    await clock.advance(11_000);
    expect(sent).toEqual([]);
    world.isDue = true;
    await clock.advance(5_000);
    expect(sent).toHaveLength(1);
  });

  test("sends what was not confirmed again as it was, and goes on after it", async () => {
    const { clock, sent, world, lines } = setUp();
    world.isOn = false;
    await clock.advance(10_000);
    world.isOn = true;
    await clock.advance(10_000);
    expect(sent.map(({ id }) => id)).toEqual([
      "scorer-1:9:1",
      "scorer-1:9:1",
      "scorer-1:9:1",
      "scorer-1:9:2",
    ]);
    expect(sent[2]?.bytes).toEqual(sent[0]?.bytes);
    expect(lines.map(({ level }) => level)).toEqual(["warn", "debug"]);
  });

  test("stops", async () => {
    const { clock, sent, tick } = setUp();
    tick.stop();
    await clock.advance(60_000);
    expect(sent).toEqual([]);
    expect(clock.pending()).toBe(0);
  });

  test("stops while a tick is on its way", async () => {
    const { clock, sent, tick, world } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.onTheWay = promise;
    await clock.advance(5_000);
    tick.stop();
    resolve();
    await clock.advance(60_000);
    expect(sent).toHaveLength(1);
    expect(clock.pending()).toBe(0);
  });
});
