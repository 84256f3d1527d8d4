import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CallEnd, CompletionCall } from "../../../src/domain/call.ts";
import type { CallFilter, Pause } from "../../../src/domain/ledger.ts";
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

const noPause = async () => undefined;

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
    find: (key: string, limit: number) => calls.find(key, limit, noPause),
    calls,
    findPausing: (key: string, pause: Pause) => calls.find(key, 1, pause),
    listPausing: (pause: Pause) => calls.list(everything, pause),
    list: (filter: Partial<CallFilter> = {}) => calls.list({ ...everything, ...filter }, noPause),
    async ids(filter: Partial<CallFilter> = {}) {
      const { calls: listed } = await calls.list({ ...everything, ...filter }, noPause);
      return listed.map(({ id }) => id);
    },
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
const leftEarly = makeRefusal({ error: new RouterError("canceled", "the caller left") });
const unasked = makeRefusal({ error: new RouterError("upstream-rate-limited", "all are full") });

describe("createRecentCalls()", () => {
  test("lists the newest calls first", async () => {
    const { tell, ids } = history();
    tell("a");
    tell("b");
    tell("c");
    expect(await ids()).toEqual(["c", "b", "a"]);
  });

  test("tells how many matched beyond the limit", async () => {
    const { tell, list } = history();
    tell("a");
    tell("b");
    const { calls, matched } = await list({ limit: 1 });
    expect([calls.map(({ id }) => id), matched]).toEqual([["b"], 2]);
  });

  test("keeps what is worth a question when a busy minute pushes the rest out", async () => {
    const { tell, ids } = history();
    tell("slow", slow);
    tell("failed", failed);
    tell("refused", makeRefusal());
    tell("switched", switched);
    for (let index = 0; index < 20; index++) {
      tell(`ordinary ${index}`);
    }
    expect((await ids()).slice(8)).toEqual(["switched", "refused", "failed", "slow"]);
  });

  test("does not let refusals push out anything but refusals", async () => {
    const { tell, ids } = history();
    tell("unasked", unasked);
    tell("failed", failed);
    for (let index = 0; index < 6; index++) {
      tell(`ordinary ${index}`);
    }
    const before = await ids();
    for (let index = 0; index < 20; index++) {
      tell(`refused ${index}`, makeRefusal({ timings: timingsOf(2_000) }));
    }
    expect(await ids()).toEqual(["refused 19", "refused 18", ...before]);
  });

  test("does not let failures that asked no endpoint push out those that did", async () => {
    const { tell, ids } = history();
    tell("failed", failed);
    for (let index = 0; index < 20; index++) {
      tell(`unasked ${index}`, unasked);
    }
    expect(await ids({ kind: "failed" })).toContain("failed");
  });

  test("lists failures first of all where refusals are many", async () => {
    const { tell, ids } = history(100);
    tell("failed", failed);
    tell("unasked", unasked);
    for (let index = 0; index < 20; index++) {
      tell(`refused ${index}`, makeRefusal());
    }
    expect(await ids({ kind: "failed", limit: 20 })).toEqual(["unasked", "failed"]);
    expect(await ids({ kind: "refused", limit: 1 })).toEqual(["refused 19"]);
  });

  test("holds no more than two and a quarter times its capacity", async () => {
    const { tell, ids } = history();
    for (let index = 0; index < 50; index++) {
      tell(`slow ${index}`, slow);
      tell(`failed ${index}`, failed);
      tell(`unasked ${index}`, unasked);
      tell(`refused ${index}`, makeRefusal());
      tell(`switched ${index}`, switched);
      tell(`ordinary ${index}`);
    }
    expect((await ids()).length).toBeLessThanOrEqual(18);
  });

  test("remembers nothing without a capacity", async () => {
    const { tell, ids, find, capacity } = history(0);
    tell("aaaa", failed);
    expect([await ids(), await find("aaaa", 1), capacity]).toEqual([[], [], 0]);
  });

  test("counts a call once that is worth a question for several reasons", async () => {
    const { tell, ids } = history();
    tell("a", makeResult({ ...switched, error: failed.error, timings: slow.timings }));
    expect(await ids()).toEqual(["a"]);
  });

  test("finds a call by the beginning of its id", async () => {
    const { tell, find } = history();
    tell("abcd-1");
    tell("abcd-2");
    tell("xyz");
    expect((await find("abcd", 9)).map(({ id }) => id)).toEqual(["abcd-2", "abcd-1"]);
    expect((await find("abcd", 1)).map(({ id }) => id)).toEqual(["abcd-2"]);
    expect(await find("bcd", 9)).toEqual([]);
  });

  test("finds the calls of a trace", async () => {
    const { tell, find } = history();
    const traceId = "1".repeat(32);
    tell("a", makeResult(), { trace: exampleTrace({ traceId }) });
    tell("b");
    tell("c", failed, { trace: exampleTrace({ traceId }) });
    expect((await find(traceId, 9)).map(({ id }) => id)).toEqual(["c", "a"]);
  });

  test("finds the newest alone of calls that repeat an id", async () => {
    const { tell, find } = history();
    tell("same", failed);
    tell("same");
    expect((await find("same", 9)).map(({ error }) => error)).toEqual([undefined]);
  });
});

describe("a look-up", () => {
  /** As many calls as there are, most of them worth a question for several reasons. */
  function full(capacity: number) {
    const all = history(capacity);
    for (let index = 0; index < capacity; index++) {
      all.tell(`slow ${index}`, slow);
      all.tell(`failed ${index}`, failed);
      all.tell(`ordinary ${index}`);
    }
    return all;
  }

  test.each([
    ["list", (all: ReturnType<typeof full>, pause: Pause) => all.listPausing(pause)],
    ["find", (all: ReturnType<typeof full>, pause: Pause) => all.findPausing("none", pause)],
  ])("of all calls pauses every 2,048, so that no turn is long: %s", async (_, run) => {
    let pauses = 0;
    const all = full(20_000);
    await run(all, async () => {
      pauses += 1;
    });
    const distinct = (await all.list()).matched;
    expect([pauses, distinct]).toEqual([Math.floor(distinct / 2_048), 20_000]);
  });

  test("stops at the newest when one is wanted", async () => {
    let pauses = 0;
    await full(20_000).findPausing("ordinary 19999", async () => {
      pauses += 1;
    });
    expect(pauses).toBe(0);
  });

  test("leaves out calls that end while it pauses, and repeats none", async () => {
    const all = history(4_000);
    for (let index = 0; index < 4_000; index++) {
      all.tell(`${index}`, failed);
    }
    const found: string[] = [];
    const { calls } = await all.calls.list({ ...everything, limit: 5_000 }, async () => {
      all.tell("meanwhile", failed);
    });
    found.push(...calls.map(({ id }) => id));
    expect(found).not.toContain("meanwhile");
    expect(found).toEqual(Array.from({ length: found.length }, (_, index) => `${3_999 - index}`));
    expect(found.length).toBe(3_999);
  });

  test("lists what a naive recount does, whatever ended and in which order", async () => {
    const kinds = ["ok", "slow", "failed", "unasked", "refused", "switched", "everything"] as const;
    const kind = fc.constantFrom(...kinds);
    const settings = fc.record({
      capacity: fc.integer({ min: 1, max: 12 }),
      ends: fc.array(fc.record({ kind, total: fc.integer({ min: 1, max: 2_000 }) }), {
        maxLength: 60,
      }),
      limit: fc.integer({ min: 1, max: 20 }),
      order: fc.constantFrom<CallFilter["kind"]>("all", "slow"),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ capacity, ends, limit, order }) => {
        const { tell, list } = history(capacity);
        ends.forEach((end, index) => {
          tell(`${index}`, endOf(end));
        });
        const kept = keptOf(ends, capacity);
        const ordered =
          order === "slow" ? kept.toSorted((a, b) => totalOf(b.end) - totalOf(a.end)) : kept;
        const { calls, matched } = await list({ kind: order, limit });
        expect(calls.map(({ id }) => Number(id))).toEqual(
          ordered.slice(0, limit).map(({ index }) => index),
        );
        expect(matched).toBe(kept.length);
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});

type Told = { readonly kind: string; readonly total: number };

function endOf({ kind, total }: Told): CallEnd {
  const timings = timingsOf(total);
  switch (kind) {
    case "failed":
      return { ...failed, timings };
    case "unasked":
      return { ...unasked, timings };
    case "refused":
      return makeRefusal({ timings });
    case "switched":
      return { ...switched, timings };
    case "everything":
      return { ...switched, error: failed.error, timings };
    default:
      return makeResult({ timings });
  }
}

const totalOf = (told: Told) => told.total;

/** Newest first: the newest calls, and for each reason to be remembered the newest with it. */
function keptOf(ends: readonly Told[], capacity: number) {
  const all = ends.map((end, index) => ({ end, index }));
  const isRefused = ({ kind }: Told) => kind === "refused";
  const reasons: readonly ((end: Told) => boolean)[] = [
    (end) => !isRefused(end) && end.total > 1_000,
    ({ kind }) => kind === "failed" || kind === "everything",
    ({ kind }) => kind === "unasked",
    isRefused,
    ({ kind }) => kind === "switched" || kind === "everything",
  ];
  const kept = new Set(all.filter(({ end }) => !isRefused(end)).slice(-capacity));
  for (const reason of reasons) {
    for (const one of all.filter(({ end }) => reason(end)).slice(-Math.ceil(capacity / 4))) {
      kept.add(one);
    }
  }
  return [...kept].sort((left, right) => right.index - left.index);
}

describe("list()", () => {
  function told() {
    const all = history(100);
    all.tell("ok");
    all.tell("slow", slow);
    all.tell("failed", failed);
    all.tell("switched", switched, { policy: { ...defaultPolicy, operation: "support.reply" } });
    all.tell("left", left);
    all.tell("left early", leftEarly);
    all.tell("unasked", unasked);
    all.tell("refused", makeRefusal(), { spec: exampleSpec({ model: "Acme/Typo" }) });
    const decision = examplePlan(exampleEndpoint("z", { model: "acme/zed" })).decision;
    all.tell("unadmitted", makeRefusal({ decision }));
    return all;
  }

  test.each<[string, Partial<CallFilter>, readonly string[]]>([
    [
      "failed calls, not those that their caller left or was refused",
      { kind: "failed" },
      ["unasked", "failed"],
    ],
    ["calls that were refused to their caller", { kind: "refused" }, ["unadmitted", "refused"]],
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
  ])("lists %s", async (_, filter, expected) => {
    expect(await told().ids(filter)).toEqual(expected);
  });
});
