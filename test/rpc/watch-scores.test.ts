import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { ScoringService } from "../../gen/atlas/v1/scoring_service_pb.ts";
import { exampleScore } from "../support/example-score.ts";
import { errorOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";
import { createSharedHealth } from "../support/shared-health.ts";
import { until } from "../support/until.ts";

function world(endpoints: readonly string[] = [], timeoutMs = 3_600_000) {
  const shared = createSharedHealth();
  const { health, scores } = shared;
  const memory = createRpcInMemory(scriptedRouter(), { health, scores });
  const client = createClient(ScoringService, memory.transport);
  const controller = new AbortController();
  const { signal } = controller;
  const stream = client.watchScores({ endpoints: [...endpoints] }, { signal, timeoutMs });
  const iterator = stream[Symbol.asyncIterator]();
  const next = async () => (await iterator.next()).value?.snapshot;
  return { ...memory, ...shared, controller, next };
}

describe("WatchScores", () => {
  it("sends the present scores at once", async () => {
    const { next } = world();
    expect(await next()).toMatchObject({ revision: 0n });
  });

  it("sends a revision as soon as it is there, a second after the one before at the soonest", async () => {
    const { clock, next, setScores } = world();
    await next();
    const second = next();
    await clock.advance(1_500);
    setScores(1, { a: exampleScore() });
    expect(await second).toMatchObject({ revision: 1n, scores: [{ endpoint: "a" }] });
    let third: bigint | undefined;
    const taken = next().then((snapshot) => {
      third = snapshot?.revision;
    });
    await clock.advance(300);
    setScores(2);
    setScores(3);
    await clock.advance(699);
    expect(third).toBeUndefined();
    await clock.advance(1);
    await taken;
    expect(third).toBe(3n);
  });

  it("sends nothing while the revision stays", async () => {
    const { clock, next, setScores } = world();
    await next();
    const second = next();
    setScores(0);
    await clock.advance(10_000);
    setScores(9);
    expect(await second).toMatchObject({ revision: 9n });
  });

  it("skips revisions for a reader that is behind, and sends the newest when it has caught up", async () => {
    const { clock, next, setScores } = world();
    await next();
    for (let revision = 1; revision <= 5; revision += 1) {
      await clock.advance(1_000);
      setScores(revision);
    }
    const newest = next();
    await clock.advance(1_000);
    expect(await newest).toMatchObject({ revision: 5n });
  });

  it("sends only the endpoints asked for, and those when they appear", async () => {
    const { clock, next, setScores } = world(["b"]);
    expect(await next()).toMatchObject({ scores: [] });
    const second = next();
    await clock.advance(1_000);
    setScores(1, { a: exampleScore(), b: exampleScore() });
    expect(await second).toMatchObject({ revision: 1n, scores: [{ endpoint: "b" }] });
    expect((await second)?.scores).toHaveLength(1);
  });

  it("ends when the caller leaves, and listens to nothing any more", async () => {
    const { clock, next, controller, listeners } = world();
    await next();
    const second = errorOf(next());
    controller.abort();
    expect((await second).code).toBe(Code.Canceled);
    await until(() => listeners() === 0);
    expect(clock.pending()).toBe(0);
  });

  it("ends at the caller's deadline", async () => {
    const { clock, next, listeners } = world([], 60_000);
    await next();
    const second = errorOf(next());
    await clock.advance(60_000);
    expect((await second).code).toBe(Code.DeadlineExceeded);
    expect(listeners()).toBe(0);
  });
});
