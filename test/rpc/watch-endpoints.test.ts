import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { CatalogService } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { EMPTY_SCORES } from "../../src/domain/score.ts";
import { exampleCatalog, exampleModel } from "../support/example-catalog.ts";
import { exampleEndpoint } from "../support/examples.ts";
import { errorOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";
import { until } from "../support/until.ts";

function world() {
  let catalog = exampleCatalog([exampleModel("acme/one")], [exampleEndpoint("a")]);
  let scores = EMPTY_SCORES;
  const memory = createRpcInMemory(scriptedRouter(), {
    catalog: () => catalog,
    scores: () => scores,
  });
  const client = createClient(CatalogService, memory.transport);
  const controller = new AbortController();
  const stream = client.watchEndpoints({ model: "acme/one" }, { signal: controller.signal });
  return {
    ...memory,
    client,
    controller,
    iterator: stream[Symbol.asyncIterator](),
    setScores(revision: number) {
      scores = { ...EMPTY_SCORES, revision };
    },
    setCatalog(next: typeof catalog) {
      catalog = next;
    },
  };
}

describe("WatchEndpoints", () => {
  it("sends the endpoints at once", async () => {
    const { iterator } = world();
    const { value } = await iterator.next();
    expect(value?.endpoints.map(({ id }: { id: string }) => id)).toEqual(["a"]);
  });

  it("sends again after a change of the scores, a second later at the latest", async () => {
    const { iterator, clock, setScores } = world();
    await iterator.next();
    const second = iterator.next();
    await clock.advance(1_000);
    setScores(4);
    await clock.advance(1_000);
    expect((await second).value?.scoreRevision).toBe(4n);
  });

  it("sends again after a change of the catalogue", async () => {
    const { iterator, clock, setCatalog } = world();
    await iterator.next();
    const endpoints = [exampleEndpoint("a"), exampleEndpoint("b")];
    setCatalog(exampleCatalog([exampleModel("acme/one")], endpoints, 2));
    const second = iterator.next();
    await clock.advance(1_000);
    expect((await second).value?.endpoints).toHaveLength(2);
  });

  it("ends with NOT_FOUND when the model is taken away", async () => {
    const { iterator, clock, setCatalog } = world();
    await iterator.next();
    setCatalog(exampleCatalog([], [], 2));
    const second = errorOf(iterator.next());
    await clock.advance(1_000);
    expect((await second).code).toBe(Code.NotFound);
    expect(clock.pending()).toBe(0);
  });

  it("ends when the caller leaves, and watches nothing any more", async () => {
    const { iterator, clock, controller } = world();
    await iterator.next();
    const second = errorOf(iterator.next());
    controller.abort();
    expect((await second).code).toBe(Code.Canceled);
    await until(() => clock.pending() === 0);
    expect(clock.pending()).toBe(0);
  });

  it("refuses an unknown model", async () => {
    const { client } = world();
    const error = await errorOf(
      client.watchEndpoints({ model: "no" })[Symbol.asyncIterator]().next(),
    );
    expect(error.code).toBe(Code.NotFound);
  });
});
