import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { CatalogService } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { Modality, Quantization } from "../../gen/atlas/v1/types_pb.ts";
import { exampleCatalog, exampleModel } from "../support/example-catalog.ts";
import { errorOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";

const number = (index: number) => String(index).padStart(4, "0");
const models = (count: number) =>
  Array.from({ length: count }, (_, index) => exampleModel(`acme/${number(index)}`));

function clientFor(read: () => ReturnType<typeof exampleCatalog>) {
  const { transport } = createRpcInMemory(scriptedRouter(), { catalog: read });
  return createClient(CatalogService, transport);
}

describe("ListModels", () => {
  it("tells all of a model", async () => {
    const model = exampleModel("acme/one", {
      aliases: ["one"],
      deprecationDate: "2027-01-01",
      popularityRank: 3,
      intelligence: {
        score: 71.5,
        kind: "composite",
        benchmarks: [
          {
            benchmark: "code",
            score: 80,
            suite: "LiveCodeBench",
            provenance: { source: "them", date: "2026-01-01" },
          },
        ],
        reasons: [],
      },
    });
    const catalog = exampleCatalog([model], [], 7);
    const answer = await clientFor(() => catalog).listModels({});
    expect([answer.catalogRevision, answer.priceVersion]).toEqual([7n, "0a1b2c3d4e5f"]);
    expect(answer.models[0]).toMatchObject({
      id: "acme/one",
      aliases: ["one"],
      inputModalities: [Modality.TEXT, Modality.IMAGE],
      nativeQuantization: Quantization.BF16,
      popularityRank: 3,
      source: "test",
      intelligence: { score: 71.5, benchmarks: [{ suite: "LiveCodeBench", source: "them" }] },
    });
    expect(answer.models[0]?.deprecateTime?.seconds).toBe(1_798_761_600n);
  });

  it.each([
    { name: "50 by default", pageSize: 0, expected: 50 },
    { name: "as many as asked", pageSize: 7, expected: 7 },
    { name: "never more than 500", pageSize: 10_000, expected: 500 },
  ])("gives $name a page", async ({ pageSize, expected }) => {
    const catalog = exampleCatalog(models(600));
    const { models: page, nextPageToken } = await clientFor(() => catalog).listModels({ pageSize });
    expect(page).toHaveLength(expected);
    expect(nextPageToken).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it("gives every model once over all pages, in order", async () => {
    const catalog = exampleCatalog(models(103));
    const client = clientFor(() => catalog);
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await client.listModels({ pageSize: 10, pageToken });
      seen.push(...page.models.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(catalog.models.map(({ id }) => id));
  });

  it("neither repeats nor skips when models come and go between pages", async () => {
    let catalog = exampleCatalog(models(4));
    const client = clientFor(() => catalog);
    const first = await client.listModels({ pageSize: 2 });
    catalog = exampleCatalog([exampleModel("acme/0000a"), ...models(4).slice(1)], [], 2);
    const second = await client.listModels({ pageSize: 9, pageToken: first.nextPageToken });
    expect(second.models.map(({ id }) => id)).toEqual(["acme/0002", "acme/0003"]);
  });

  it.each([
    { name: "id", query: "ACME/0003" },
    { name: "alias", query: "nickname" },
    { name: "display name", query: "acme: acme/0003" },
  ])("finds a model by a part of its $name, whatever the case", async ({ query }) => {
    const catalog = exampleCatalog([
      ...models(3),
      exampleModel("acme/0003", { aliases: ["Nickname"] }),
    ]);
    const { models: found } = await clientFor(() => catalog).listModels({ query });
    expect(found.map(({ id }) => id)).toEqual(["acme/0003"]);
  });

  it("refuses a negative page size", async () => {
    const catalog = exampleCatalog(models(1));
    const error = await errorOf(clientFor(() => catalog).listModels({ pageSize: -1 }));
    expect(error.code).toBe(Code.InvalidArgument);
  });

  it.each([
    { name: "of another query", token: undefined },
    { name: "that is none", token: "!!!" },
    { name: "of another make", token: Buffer.from("{}").toString("base64url") },
  ])("refuses a token $name", async ({ token }) => {
    const catalog = exampleCatalog(models(10));
    const client = clientFor(() => catalog);
    const { nextPageToken } = await client.listModels({ pageSize: 2, query: "acme" });
    const pageToken = token ?? nextPageToken;
    const error = await errorOf(client.listModels({ pageToken, query: "other" }));
    expect(error.code).toBe(Code.InvalidArgument);
  });
});
