import { describe, expect, test } from "vitest";
import type { StoredReport } from "../../../src/domain/bus.ts";
import type { HealthReport } from "../../../src/domain/health.ts";
import { createMissedReports } from "../../../src/health/missed-reports.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { createLogBook, outgoing, reportOf, START_MS } from "./score-fixture.ts";

const MINUTE = 60_000;
/** 33 minutes before. */
const WINDOW_MS = 33 * MINUTE;

function setUp() {
  const clock = createManualClock(START_MS);
  const { log, lines } = createLogBook();
  const missed = createMissedReports({ nowMs: clock.nowMs, log });
  missed.began();
  return { clock, lines, missed };
}

/** Stored so many minutes before the start, and told when it was learnt. */
function storedOf(
  sequence: number,
  minutesAgo: number,
  { lateMs = 0, ...told }: Partial<HealthReport> & { readonly lateMs?: number } = {},
): StoredReport {
  const storedAtMs = START_MS - minutesAgo * MINUTE;
  const { token, bytes } = outgoing(reportOf(1, { observedAtMs: storedAtMs - lateMs, ...told }));
  return { token, sequence, storedAtMs, bytes, headers: {} };
}

describe("createMissedReports()", () => {
  test("misses nothing where numbers follow each other", () => {
    const { missed } = setUp();
    for (let sequence = 500; sequence < 510; sequence += 1) {
      missed.took(storedOf(sequence, 34));
    }
    expect([missed.missingMs(), missed.lost()]).toEqual([0, 0]);
  });

  test("counts the numbers that are skipped, whoever sent what is there, up to the latest", () => {
    const { missed } = setUp();
    missed.took(storedOf(500, 34));
    missed.took(storedOf(503, 20, { producer: "another" }));
    missed.took(storedOf(504, 19));
    missed.took(storedOf(514, 13));
    missed.took(storedOf(515, 12));
    expect(missed.lost()).toBe(2 + 9);
    expect(missed.missingMs()).toBe(20 * MINUTE);
  });

  test("nothing is missing any more once the window has moved past it", async () => {
    const { missed, clock } = setUp();
    missed.took(storedOf(1, 34));
    missed.took(storedOf(3, 13));
    await clock.advance(19 * MINUTE);
    expect(missed.missingMs()).toBe(MINUTE);
    await clock.advance(MINUTE);
    expect(missed.missingMs()).toBe(0);
    expect(missed.lost()).toBe(1);
  });

  test("what was skipped before the window is not missed", () => {
    const { missed } = setUp();
    missed.took(storedOf(1, 34));
    missed.took(storedOf(3, 33));
    missed.lostUntil(START_MS - WINDOW_MS);
    expect([missed.missingMs(), missed.lost()]).toEqual([0, 0]);
  });

  test("misses what is skipped while it follows", () => {
    const { missed } = setUp();
    missed.took(storedOf(1, 5));
    missed.caughtUp();
    missed.took(storedOf(3, 0));
    expect([missed.missingMs(), missed.lost()]).toEqual([WINDOW_MS, 1]);
  });

  test("takes the bus's word for what came before the first report", () => {
    const { missed } = setUp();
    missed.lostUntil(START_MS - 13 * MINUTE);
    missed.took(storedOf(70, 13));
    missed.lostUntil(START_MS - 20 * MINUTE);
    expect([missed.missingMs(), missed.lost()]).toEqual([20 * MINUTE, 0]);
  });

  test("never misses more than its window", () => {
    const { missed } = setUp();
    missed.lostUntil(START_MS + 5 * MINUTE);
    expect(missed.missingMs()).toBe(WINDOW_MS);
  });

  test("a stream that is made anew voids what was missed, and counts from 1", () => {
    const { missed } = setUp();
    missed.took(storedOf(500, 34));
    missed.took(storedOf(600, 1));
    missed.began();
    missed.took(storedOf(1, 0, { sequence: 5_000 }));
    expect([missed.missingMs(), missed.lost()]).toEqual([0, 99]);
    missed.began();
    missed.took(storedOf(700, 1));
    expect([missed.missingMs(), missed.lost()]).toEqual([0, 99]);
  });
});

describe("the first report", () => {
  test("shows that much before it is gone", () => {
    const { missed } = setUp();
    missed.took(storedOf(2, 13, { sequence: 65, lateMs: MINUTE }));
    expect([missed.missingMs(), missed.lost()]).toEqual([20 * MINUTE, 0]);
  });

  test.each<{ name: string; report: StoredReport }>([
    { name: "of a stream", report: storedOf(1, 13, { sequence: 65 }) },
    { name: "of a producer that began", report: storedOf(2, 13, { sequence: 64 }) },
    {
      name: "after an outage",
      report: storedOf(2, 13, { sequence: 65, lateMs: MINUTE + 1 }),
    },
    { name: "from before the window", report: storedOf(2, 33, { sequence: 65 }) },
    { name: "that nobody can read", report: { ...storedOf(2, 13), bytes: Uint8Array.of(255) } },
  ])("shows nothing when it is one $name", ({ report }) => {
    const { missed } = setUp();
    missed.took(report);
    expect(missed.missingMs()).toBe(0);
  });

  test("shows nothing when all that was stored has been taken", () => {
    const { missed } = setUp();
    missed.caughtUp();
    missed.took(storedOf(2, 0, { sequence: 65 }));
    expect(missed.missingMs()).toBe(0);
    missed.began();
    missed.took(storedOf(2, 13, { sequence: 65 }));
    expect(missed.missingMs()).toBe(20 * MINUTE);
  });

  test("is no other", () => {
    const { missed } = setUp();
    missed.took(storedOf(1, 13));
    missed.took(storedOf(2, 13, { sequence: 65 }));
    expect(missed.missingMs()).toBe(0);
  });
});

describe("what is told", () => {
  const message =
    "health reports of the window are lost: no room was left for them, or they were deleted";

  test("is all that was missed, and only once", async () => {
    const { missed, clock, lines } = setUp();
    missed.took(storedOf(1, 34));
    missed.tell();
    expect(lines).toEqual([]);
    missed.took(storedOf(3, 20));
    missed.took(storedOf(6, 13));
    missed.tell();
    await clock.advance(10 * MINUTE);
    missed.tell();
    const fields = { missingMs: 20 * MINUTE, lost: 3, setting: "bus.nats.reportBytes" };
    expect(lines).toEqual([{ level: "warn", message, fields }]);
  });

  test("comes again when more is missed, once a minute", async () => {
    const { missed, clock, lines } = setUp();
    missed.lostUntil(START_MS - 20 * MINUTE);
    missed.tell();
    missed.lostUntil(START_MS - 20 * MINUTE);
    missed.lostUntil(START_MS - 19 * MINUTE);
    await clock.advance(MINUTE - 1);
    missed.tell();
    expect(lines).toHaveLength(1);
    await clock.advance(1);
    missed.tell();
    expect(lines).toHaveLength(2);
    missed.lostUntil(START_MS - 19 * MINUTE);
    await clock.advance(MINUTE);
    missed.tell();
    expect(lines).toHaveLength(2);
  });

  test("is void when the stream is read anew", () => {
    const { missed, lines } = setUp();
    missed.lostUntil(START_MS);
    missed.began();
    missed.tell();
    expect(lines).toEqual([]);
  });
});
