import { describe, expect, test } from "vitest";
import { fleetSourcesOf, timedReports } from "../../../src/cli/fleet-sources.ts";
import { BusUnavailable, type OutgoingReport } from "../../../src/domain/bus.ts";
import { exampleFleet } from "../../support/prometheus-sources.ts";

const report: OutgoingReport = { token: "a", id: "1", bytes: Uint8Array.of(1) };

/** A bus that answers after 20 ms; what is told of it. */
function start(answer: (report: OutgoingReport) => number) {
  const told: (readonly [number, string])[] = [];
  let atMs = 100;
  const reports = timedReports(
    {
      async publish(asked) {
        await Promise.resolve();
        atMs += 20;
        return answer(asked);
      },
    },
    () => atMs,
    (durationMs, outcome) => told.push([durationMs, outcome]),
  );
  return { reports, told };
}

describe("fleetSourcesOf()", () => {
  test("hands over the figures", () => {
    expect(fleetSourcesOf({ figures: () => exampleFleet }).fleet?.()).toBe(exampleFleet);
  });
});

describe("timedReports()", () => {
  test("hands on the report and its position, and tells the time to the confirmation", async () => {
    const asked: OutgoingReport[] = [];
    const { reports, told } = start((one) => asked.push(one) + 6);
    expect(await reports.publish(report)).toBe(7);
    expect(asked).toEqual([report]);
    expect(told).toEqual([[20, "confirmed"]]);
  });

  test.each([
    { error: new BusUnavailable("away"), outcome: "unconfirmed" },
    { error: new RangeError("too large"), outcome: "rejected" },
  ])("hands on a $error.name, and tells that the report is $outcome", async (row) => {
    const { reports, told } = start(() => {
      throw row.error;
    });
    await expect(reports.publish(report)).rejects.toBe(row.error);
    expect(told).toEqual([[20, row.outcome]]);
  });
});
