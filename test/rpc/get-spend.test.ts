import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { InsightService } from "../../gen/atlas/v1/insight_service_pb.ts";
import { UsageSource } from "../../gen/atlas/v1/types_pb.ts";
import { UNKNOWN_COST } from "../../src/domain/money.ts";
import { exampleCall } from "../support/examples.ts";
import { createInsight } from "../support/insight.ts";
import { errorOf, fieldsOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";
import { makeAttempt, makeResult, someUsage } from "../unit/ledger/make-call-end.ts";

function world(changes: Parameters<typeof createInsight>[0] = {}) {
  const { insight, tell } = createInsight(changes);
  const { transport, clock } = createRpcInMemory(scriptedRouter(), { insight });
  const client = createClient(InsightService, transport);
  return {
    tell: (application: string, labels: Readonly<Record<string, string>> = {}, cost?: "unknown") =>
      tell(
        exampleCall({ caller: { application, endUserHash: "", labels } }),
        makeResult(cost === undefined ? {} : { cost: UNKNOWN_COST }),
      ),
    async getSpend(request: Parameters<typeof client.getSpend>[0]) {
      const answer = client.getSpend(request);
      await clock.advance(1);
      return answer;
    },
  };
}

describe("GetSpend", () => {
  it("sums up what calls have cost, the dearest first", async () => {
    const { tell, getSpend } = world();
    tell("small", { team: "a" });
    tell("big", { team: "b" });
    tell("big", { team: "b" });
    const response = await getSpend({ hours: 24, groupBy: ["application", "label:team"] });
    expect(response.rows).toMatchObject([
      { values: ["big", "b"], sums: { callCount: 2n, cost: { totalNanoUsd: 42_000n } } },
      { values: ["small", "a"], sums: { callCount: 1n, cost: { totalNanoUsd: 21_000n } } },
    ]);
    expect(response.total).toMatchObject({
      callCount: 3n,
      failedCallCount: 0n,
      unpricedCallCount: 0n,
      usage: { freshInputTokens: 300n, visibleOutputTokens: 30n, source: UsageSource.PROVIDER },
      cost: {
        totalNanoUsd: 63_000n,
        inputNanoUsd: 45_000n,
        catalogRevision: 1n,
        priceVersion: "0a1b2c3d4e5f",
      },
      minCatalogRevision: 1n,
      maxCatalogRevision: 1n,
      priceVersions: ["0a1b2c3d4e5f"],
    });
    expect(response).toMatchObject({
      restGroupCount: 0,
      rest: { callCount: 0n },
      other: { callCount: 0n },
      keptHours: 24,
      startTime: { seconds: 1_800_000_000n },
      sinceTime: { seconds: 1_800_000_000n },
      endTime: { seconds: 1_800_000_000n },
    });
  });

  it("tells every version of the prices, and of a sum over several none", async () => {
    const { insight, tell } = createInsight();
    const { transport } = createRpcInMemory(scriptedRouter(), { insight });
    for (const priceVersion of ["b", "a"]) {
      const { decision, ...result } = makeResult();
      tell(exampleCall(), { ...result, decision: { ...decision, priceVersion } });
    }
    const { total } = await createClient(InsightService, transport).getSpend({});
    expect(total).toMatchObject({ cost: { priceVersion: "" }, priceVersions: ["b", "a"] });
  });

  it("counts calls of unknown price apart", async () => {
    const { tell, getSpend } = world();
    tell("a");
    tell("a", {}, "unknown");
    const { total } = await getSpend({});
    expect(total).toMatchObject({
      callCount: 2n,
      unpricedCallCount: 1n,
      unpricedUsage: { freshInputTokens: 100n },
      cost: { totalNanoUsd: 21_000n },
    });
  });

  it("tells what attempts that were given up cost, beside the calls", async () => {
    const { insight, tell } = createInsight();
    const { transport } = createRpcInMemory(scriptedRouter(), { insight });
    const outcome = { kind: "network", message: "reset" } as const;
    const attempts = [
      makeAttempt({
        outcome,
        usage: someUsage,
        givenUpCost: { total: 21_000, input: 15_000, output: 6_000, cache: 0, request: 0 },
      }),
      makeAttempt({ number: 2, outcome, givenUpCost: UNKNOWN_COST }),
      makeAttempt({ number: 3 }),
    ] as const;
    tell(exampleCall(), makeResult({ attempts }));
    const { total } = await createClient(InsightService, transport).getSpend({});
    expect(total).toMatchObject({
      callCount: 1n,
      cost: { totalNanoUsd: 21_000n },
      givenUpAttemptCount: 2n,
      unknownGivenUpAttemptCount: 1n,
      givenUpNanoUsd: 21_000n,
    });
  });

  it("sums up rows beyond the top, and series beyond the most", async () => {
    const { tell, getSpend } = world();
    for (const name of ["a", "a", "b", "c", "d"]) {
      tell(name);
    }
    const response = await getSpend({ groupBy: ["application"], top: 1 });
    expect(response).toMatchObject({
      rows: [{ values: ["a"] }],
      restGroupCount: 2,
      rest: { callCount: 2n },
      other: { callCount: 1n },
      total: { callCount: 5n },
    });
  });

  it("makes no report for a caller who has left while others had theirs made", async () => {
    const { insight } = createInsight();
    const first = Promise.withResolvers<void>();
    let reports = 0;
    const spend: typeof insight.spend = {
      ...insight.spend,
      async report(...query) {
        reports += 1;
        await first.promise;
        return insight.spend.report(...query);
      },
    };
    const { transport } = createRpcInMemory(scriptedRouter(), { insight: { ...insight, spend } });
    const client = createClient(InsightService, transport);
    const controller = new AbortController();
    const served = client.getSpend({});
    const left = errorOf(client.getSpend({}, { signal: controller.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    first.resolve();
    await served;
    expect((await left).code).toBe(Code.Canceled);
    await client.getSpend({});
    expect(reports).toBe(2);
  });

  it("says that nothing is summed up", async () => {
    expect((await world({ hours: 0 }).getSpend({})).keptHours).toBe(0);
  });

  it("names everything that is wrong with a query", async () => {
    const groupBy = ["colour", "label:", "model", "model"];
    const error = await errorOf(world().getSpend({ hours: 745, groupBy, top: -1 }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(fieldsOf(error)).toEqual(["hours", "group_by", "group_by[0]", "group_by[1]", "top"]);
  });
});
