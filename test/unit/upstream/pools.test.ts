import { afterEach, describe, expect, test } from "vitest";
import { createPools, type Pools } from "../../../src/upstream/pools.ts";

const opened: Pools[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((pools) => pools.close()));
});

/** Nothing connects before the first request, so no origin needs a server. */
function start(maxOrigins: number): Pools {
  const pools = createPools({
    connectTimeoutMs: 1_000,
    maxConnectionsPerOrigin: 1,
    maxOrigins,
    keepAliveMs: 1_000,
  });
  opened.push(pools);
  return pools;
}

describe("createPools()", () => {
  test("keeps one pool per origin", () => {
    const pools = start(2);
    const a = pools.of("http://a.test");
    expect(pools.of("http://b.test")).not.toBe(a);
    expect(pools.of("http://a.test")).toBe(a);
  });

  test("closes one pool, and only that, for one origin too many", () => {
    const pools = start(2);
    const [a, b, c] = ["http://a.test", "http://b.test", "http://c.test"].map(pools.of);
    expect([a?.closed, b?.closed, c?.closed]).toEqual([true, false, false]);
    expect(pools.of("http://b.test")).toBe(b);
  });

  test("closes the pool that was used the longest ago, however old the others are", () => {
    const pools = start(3);
    const [a, b, c] = ["http://a.test", "http://b.test", "http://c.test"].map(pools.of);
    pools.of("http://b.test");
    pools.of("http://a.test");
    pools.of("http://d.test");
    expect([a?.closed, b?.closed, c?.closed]).toEqual([false, false, true]);
    pools.of("http://e.test");
    expect([a?.closed, b?.closed]).toEqual([false, true]);
  });

  test("opens another pool for an origin whose pool it closed", () => {
    const pools = start(1);
    const first = pools.of("http://a.test");
    pools.of("http://b.test");
    const second = pools.of("http://a.test");
    expect(second).not.toBe(first);
    expect(second.closed).toBe(false);
  });

  test("breaks every pool when it closes, and hands out none that connects afterwards", async () => {
    const pools = start(2);
    const before = pools.of("http://a.test");
    await pools.close();
    expect(before.destroyed).toBe(true);
    expect(pools.of("http://a.test").destroyed).toBe(true);
    expect(pools.of("http://b.test").destroyed).toBe(true);
  });
});
