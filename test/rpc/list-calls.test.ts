import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { InsightService, ListCallsRequest_Kind } from "../../gen/atlas/v1/insight_service_pb.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import { exampleCall } from "../support/examples.ts";
import { createInsight } from "../support/insight.ts";
import { errorOf, fieldsOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { scriptedRouter } from "../support/scripted-router.ts";
import { makeAttempt, makeRefusal, makeResult, timingsOf } from "../unit/ledger/make-call-end.ts";

/** An ordinary call, then a failed one, one with two attempts, a slow one, and a refused one. */
function world() {
  const { insight, tell } = createInsight();
  const { transport } = createRpcInMemory(scriptedRouter(), { insight });
  const at = (ms: number) => 1_800_000_000_000 + ms;
  const error = new RouterError("upstream-unavailable", "down");
  const attempts = [makeAttempt(), makeAttempt({ number: 2 })] as const;
  tell(exampleCall({ id: "ok", receivedAtMs: at(0) }), makeResult());
  tell(exampleCall({ id: "failed", receivedAtMs: at(1) }), makeResult({ error }));
  tell(exampleCall({ id: "switched", receivedAtMs: at(2) }), makeResult({ attempts }));
  const timings = timingsOf(5_000);
  tell(exampleCall({ id: "slow", receivedAtMs: at(3) }), makeResult({ timings }));
  tell(exampleCall({ id: "refused", receivedAtMs: at(4) }), makeRefusal());
  return createClient(InsightService, transport);
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("ListCalls", () => {
  it("lists the newest calls, and what is remembered at all", async () => {
    const { calls, ...about } = await world().listCalls({});
    expect(calls.map(({ id }) => id)).toEqual(["refused", "slow", "switched", "failed", "ok"]);
    expect(about).toMatchObject({ matchedCount: 5, capacity: 100, slowThreshold: { seconds: 1n } });
  });

  it.each([
    [ListCallsRequest_Kind.FAILED, ["failed"]],
    [ListCallsRequest_Kind.REFUSED, ["refused"]],
    [ListCallsRequest_Kind.FALLBACK, ["switched"]],
    [ListCallsRequest_Kind.SLOW, ["slow", "switched", "failed", "ok", "refused"]],
  ])("lists calls of kind %i", async (kind, expected) => {
    const { calls } = await world().listCalls({ kind });
    expect(calls.map(({ id }) => id)).toEqual(expected);
  });

  it("lists what meets every condition, up to the limit", async () => {
    const client = world();
    const long = await client.listCalls({ minDuration: durationFromMs(5_000), endpoint: "a" });
    expect(long.calls.map(({ id }) => id)).toEqual(["slow"]);
    const limited = await client.listCalls({ limit: 1, model: "acme/one" });
    expect([limited.calls.length, limited.matchedCount]).toEqual([1, 5]);
    expect((await client.listCalls({ operation: "other" })).calls).toEqual([]);
  });

  it("lists fewer calls than asked when their labels are large, and says how many there are", async () => {
    const { insight, tell } = createInsight({ recent: 500 });
    const { transport, clock } = createRpcInMemory(scriptedRouter(), { insight });
    const labels = { note: "x".repeat(64 * 1_024) };
    for (let index = 0; index < 40; index++) {
      const caller = { application: "a", endUserHash: "", labels };
      tell(exampleCall({ id: `${index}`, caller }), makeResult());
    }
    const answer = createClient(InsightService, transport).listCalls({ limit: 500 });
    await clock.advance(100);
    const { calls, matchedCount } = await answer;
    // 31 times 64 KiB and what else a call has is less than 2 MiB, 32 times is more.
    expect([calls.length, matchedCount]).toEqual([31, 40]);
    expect(calls.map(({ id }) => id)).toEqual(Array.from(calls, (_, index) => `${39 - index}`));
  });

  it("pauses between calls that it encodes, and leaves no timer behind", async () => {
    const { insight, tell } = createInsight({ recent: 500 });
    const { transport, clock } = createRpcInMemory(scriptedRouter(), { insight });
    for (let index = 0; index < 120; index++) {
      tell(exampleCall({ id: `${index}` }), makeResult());
    }
    let isAnswered = false;
    const answer = createClient(InsightService, transport).listCalls({ limit: 500 });
    void answer.then(() => {
      isAnswered = true;
    });
    await settled();
    expect([isAnswered, clock.pending() > 0]).toEqual([false, true]);
    await clock.advance(100);
    expect((await answer).calls.length).toBe(120);
  });

  it("names everything that is wrong with a filter", async () => {
    const error = await errorOf(
      world().listCalls({
        // From a later version of the API.
        kind: 99 as ListCallsRequest_Kind,
        model: "m".repeat(257),
        limit: -1,
        minDuration: { seconds: -1n, nanos: 0 },
      }),
    );
    expect(error.code).toBe(Code.InvalidArgument);
    expect(fieldsOf(error)).toEqual(["kind", "model", "min_duration", "limit"]);
  });
});
