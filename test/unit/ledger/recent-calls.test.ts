import { describe, expect, test } from "vitest";
import type { CallEnd, CompletionCall } from "../../../src/domain/call.ts";
import type { CallFilter } from "../../../src/domain/ledger.ts";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { createRecentCalls } from "../../../src/ledger/recent-calls.ts";
import {
  exampleCall,
  exampleEndpoint,
  examplePlan,
  exampleSpec,
  exampleTrace,
} from "../../support/examples.ts";
import { makeAttempt, makeRefusal, makeResult, START_MS, timingsOf } from "./make-call-end.ts";

const everything: CallFilter = {
  kind: "all",
  model: "",
  endpoint: "",
  operation: "",
  minDurationMs: 0,
  limit: 500,
};

/** Calls end in the order in which they are told, a millisecond apart. */
function history(capacity = 8) {
  const calls = createRecentCalls({ capacity, slowMs: () => 1_000 });
  let told = 0;
  return {
    ...calls,
    tell(id: string, end: CallEnd = makeResult(), changes: Partial<CompletionCall> = {}) {
      told += 1;
      const receivedAtMs = START_MS + told - end.timings.total;
      calls.record(exampleCall({ id, receivedAtMs, ...changes }), end);
    },
    ids: (filter: Partial<CallFilter> = {}) =>
      calls.list({ ...everything, ...filter }).calls.map(({ id }) => id),
  };
}

const slow = makeResult({ timings: timingsOf(1_001) });
const failed = makeResult({
  error: new RouterError("upstream-unavailable", "down"),
  attempts: [makeAttempt({ outcome: { kind: "server-error", message: "down" } })],
});
const switched = makeResult({
  attempts: [
    makeAttempt({ outcome: { kind: "overloaded", message: "busy" } }),
    makeAttempt({ number: 2, endpoint: exampleEndpoint("b", { model: "acme/two" }) }),
  ],
});
const left = makeResult({ error: new RouterError("canceled", "the caller left") });

describe("createRecentCalls()", () => {
  test("lists the newest calls first", () => {
    const { tell, ids } = history();
    tell("a");
    tell("b");
    tell("c");
    expect(ids()).toEqual(["c", "b", "a"]);
  });

  test("tells how many matched beyond the limit", () => {
    const { tell, list } = history();
    tell("a");
    tell("b");
    const { calls, matched } = list({ ...everything, limit: 1 });
    expect([calls.map(({ id }) => id), matched]).toEqual([["b"], 2]);
  });

  test("keeps what is worth a question when a busy minute pushes the rest out", () => {
    const { tell, ids } = history();
    tell("slow", slow);
    tell("failed", failed);
    tell("refused", makeRefusal());
    tell("switched", switched);
    for (let index = 0; index < 20; index++) {
      tell(`ordinary ${index}`);
    }
    expect(ids().slice(8)).toEqual(["switched", "refused", "failed", "slow"]);
  });

  test("does not let refusals push out failures", () => {
    const { tell, ids } = history();
    tell("failed", failed);
    for (let index = 0; index < 20; index++) {
      tell(`refused ${index}`, makeRefusal());
    }
    expect(ids({ kind: "failed" })).toContain("failed");
  });

  test("holds no more than twice its capacity", () => {
    const { tell, ids } = history();
    for (let index = 0; index < 50; index++) {
      tell(`slow ${index}`, slow);
      tell(`failed ${index}`, failed);
      tell(`refused ${index}`, makeRefusal());
      tell(`switched ${index}`, switched);
      tell(`ordinary ${index}`);
    }
    expect(ids().length).toBeLessThanOrEqual(16);
  });

  test("remembers nothing without a capacity", () => {
    const { tell, ids, find, capacity } = history(0);
    tell("aaaa", failed);
    expect([ids(), find("aaaa", 1), capacity]).toEqual([[], [], 0]);
  });

  test("counts a call once that is worth a question for several reasons", () => {
    const { tell, ids } = history();
    tell("a", makeResult({ ...switched, error: failed.error, timings: slow.timings }));
    expect(ids()).toEqual(["a"]);
  });

  test("finds a call by the beginning of its id", () => {
    const { tell, find } = history();
    tell("abcd-1");
    tell("abcd-2");
    tell("xyz");
    expect(find("abcd", 9).map(({ id }) => id)).toEqual(["abcd-2", "abcd-1"]);
    expect(find("abcd", 1).map(({ id }) => id)).toEqual(["abcd-2"]);
    expect(find("bcd", 9)).toEqual([]);
  });

  test("finds the calls of a trace", () => {
    const { tell, find } = history();
    const traceId = "1".repeat(32);
    tell("a", makeResult(), { trace: exampleTrace({ traceId }) });
    tell("b");
    tell("c", failed, { trace: exampleTrace({ traceId }) });
    expect(find(traceId, 9).map(({ id }) => id)).toEqual(["c", "a"]);
  });

  test("finds the newest of calls that repeat an id first", () => {
    const { tell, find } = history();
    tell("same", failed);
    tell("same");
    expect(find("same", 9).map(({ error }) => error?.code)).toEqual([
      undefined,
      "upstream-unavailable",
    ]);
  });
});

describe("list()", () => {
  function told() {
    const all = history(100);
    all.tell("ok");
    all.tell("slow", slow);
    all.tell("failed", failed);
    all.tell("switched", switched, { policy: { ...defaultPolicy, operation: "support.reply" } });
    all.tell("left", left);
    all.tell("refused", makeRefusal(), { spec: exampleSpec({ model: "Acme/Typo" }) });
    const decision = examplePlan(exampleEndpoint("z", { model: "acme/zed" })).decision;
    all.tell("unadmitted", makeRefusal({ decision }));
    return all;
  }

  test.each<[string, Partial<CallFilter>, readonly string[]]>([
    [
      "failed calls, not those that their caller left",
      { kind: "failed" },
      ["unadmitted", "refused", "failed"],
    ],
    ["calls with several attempts", { kind: "fallback" }, ["switched"]],
    ["the longest calls first", { kind: "slow", limit: 2 }, ["slow", "left"]],
    ["calls of a minimal length", { minDurationMs: 1_001 }, ["slow"]],
    ["calls of an operation", { operation: "support.reply" }, ["switched"]],
    ["calls that tried an endpoint", { endpoint: "b" }, ["switched"]],
    ["refused calls that were planned for an endpoint", { endpoint: "z" }, ["unadmitted"]],
    ["calls that a fallback model served", { model: "acme/two" }, ["switched"]],
    ["calls planned for a model", { model: "acme/zed" }, ["unadmitted"]],
    ["calls of a model as it was named, in any case", { model: "ACME/typo" }, ["refused"]],
    ["calls that meet all of it", { kind: "failed", endpoint: "a" }, ["failed"]],
  ])("lists %s", (_, filter, expected) => {
    expect(told().ids(filter)).toEqual(expected);
  });
});
