import { describe, expect, test } from "vitest";
import { createEndpointStats } from "../../../src/simulator/endpoint-stats.ts";

describe("createEndpointStats()", () => {
  test("counts a request as open until it ends", () => {
    const stats = createEndpointStats();
    const visit = stats.begin();
    expect(stats.read()).toMatchObject({ requests: 1, completed: 0, open: 1 });
    visit.end();
    expect(stats.read()).toMatchObject({ requests: 1, completed: 1, open: 0 });
  });

  test("does not call a request complete that met a fault", () => {
    const stats = createEndpointStats();
    const visit = stats.begin();
    visit.fail("omitUsage");
    visit.end();
    expect(stats.read()).toMatchObject({ completed: 0, failed: { omitUsage: 1 } });
  });

  test("keeps the newest 100 departures", () => {
    const stats = createEndpointStats();
    for (let atMs = 1; atMs <= 150; atMs++) {
      stats.begin().end(atMs);
    }
    const { aborted, abortedAtMs } = stats.read();
    expect(aborted).toBe(150);
    expect([abortedAtMs.length, abortedAtMs[0], abortedAtMs.at(-1)]).toEqual([100, 51, 150]);
  });

  test("resets to what is open", () => {
    const stats = createEndpointStats();
    stats.begin().end();
    stats.begin();
    stats.reset();
    expect(stats.read()).toEqual({
      requests: 1,
      completed: 0,
      aborted: 0,
      abortedAtMs: [],
      failed: {},
      open: 1,
    });
  });

  test("tells those who wait when nothing is open", async () => {
    const stats = createEndpointStats();
    const visit = stats.begin();
    const idle = stats.whenIdle().then(() => stats.read().open);
    visit.end();
    expect(await idle).toBe(0);
    await expect(stats.whenIdle()).resolves.toBeUndefined();
  });
});
