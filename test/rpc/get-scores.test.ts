import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { EndpointHealth_State } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { ScoringService } from "../../gen/atlas/v1/scoring_service_pb.ts";
import type { OutsideState } from "../../src/domain/health.ts";
import { exampleScore } from "../support/example-score.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";
import { createSharedHealth } from "../support/shared-health.ts";

function world() {
  const shared = createSharedHealth();
  const { health, scores } = shared;
  const { transport } = createRpcInMemory(scriptedRouter(), { health, scores });
  return { ...shared, client: createClient(ScoringService, transport) };
}

describe("GetScores", () => {
  it("says that nothing was published yet", async () => {
    const { snapshot } = await world().client.getScores({});
    expect(snapshot).toMatchObject({ revision: 0n, algorithmVersion: 4, scores: [] });
    expect(snapshot?.windowEndTime).toBeUndefined();
  });

  it("returns all scores in the order of their endpoints", async () => {
    const { client, setScores } = world();
    setScores(7, { b: exampleScore(), a: exampleScore(), "a/x": exampleScore() });
    const { snapshot } = await client.getScores({});
    expect(snapshot?.revision).toBe(7n);
    expect(snapshot?.scores.map(({ endpoint }) => endpoint)).toEqual(["a", "a/x", "b"]);
    expect(snapshot?.windowEndTime?.seconds).toBe(1_800_000_000n);
  });

  it("returns the figures of an endpoint", async () => {
    const { client, setScores } = world();
    setScores(1, { a: exampleScore({ recent: { successes: 4, failures: 2 } }) });
    const { snapshot } = await client.getScores({});
    expect(snapshot?.scores[0]).toMatchObject({
      stats: { latencyMsP50: 300, success: 0.9, sampleCount: 10n },
      state: EndpointHealth_State.HEALTHY,
      recentSuccesses: 4n,
      recentFailures: 2n,
      reason: "",
    });
  });

  it("returns only the endpoints asked for, and leaves unknown ones out", async () => {
    const { client, setScores } = world();
    setScores(1, { a: exampleScore(), b: exampleScore() });
    const { snapshot } = await client.getScores({ endpoints: ["b", "nobody"] });
    expect(snapshot?.scores.map(({ endpoint }) => endpoint)).toEqual(["b"]);
  });

  it.each<{ state: OutsideState; reason: string; standing: EndpointHealth_State; says: string }>([
    { state: "up", reason: "back", standing: EndpointHealth_State.HEALTHY, says: "" },
    {
      state: "degraded",
      reason: "slow region",
      standing: EndpointHealth_State.DEGRADED,
      says: "reported degraded: slow region",
    },
    {
      state: "down",
      reason: "",
      standing: EndpointHealth_State.UNHEALTHY,
      says: "reported down",
    },
    {
      state: "draining",
      reason: "upgrade",
      standing: EndpointHealth_State.UNHEALTHY,
      says: "reported draining: upgrade",
    },
  ])("counts an outside claim of $state", async ({ state, reason, standing, says }) => {
    const { client, setScores, claim } = world();
    claim({ a: { state, reason, untilMs: 0 } });
    setScores(1, { a: exampleScore() });
    const { snapshot } = await client.getScores({});
    expect(snapshot?.scores[0]).toMatchObject({ state: standing, reason: says });
  });

  it("calls an endpoint degraded whose latest first tokens came late, and says how late", async () => {
    const { client, setScores } = world();
    const recent = { successes: 9, failures: 0, firstTokenMs: 2_100.4, isSlow: true };
    setScores(1, { a: exampleScore({ recent, degraded: true }) });
    const { snapshot } = await client.getScores({});
    expect(snapshot?.scores[0]).toMatchObject({
      state: EndpointHealth_State.DEGRADED,
      recentFirstTokenMs: 2_100.4,
      reason: "its latest first tokens took about 2100 ms, 300 ms is usual",
    });
  });

  it("calls an endpoint degraded whose last 30 s went badly", async () => {
    const { client, setScores } = world();
    setScores(1, { a: exampleScore({ degraded: true }) });
    const { snapshot } = await client.getScores({});
    expect(snapshot?.scores[0]?.state).toBe(EndpointHealth_State.DEGRADED);
  });
});
