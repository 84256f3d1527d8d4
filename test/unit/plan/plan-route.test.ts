import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { GateView } from "../../../src/domain/gate.ts";
import type { PlanInput } from "../../../src/domain/plan.ts";
import type { EndpointScore, LiveState } from "../../../src/domain/score.ts";
import { MAX_SCORE_AGE_MS } from "../../../src/domain/score.ts";
import { createPlanner } from "../../../src/plan/plan-route.ts";
import { exampleEndpoint, exampleSpec } from "../../support/examples.ts";
import {
  blocked,
  catalogOf,
  inputOf,
  live,
  liveOf,
  NOW_MS,
  priced,
  pricing,
  score,
  scoresOf,
  sharesIn,
} from "./plan-fixture.ts";

const planner = createPlanner();

function planned(input: PlanInput): readonly string[] {
  return planner.plan(input).order.map(({ endpoint }) => endpoint.id);
}

function explained(input: PlanInput) {
  return sharesIn(planner.explain(input));
}

function code(expected: string) {
  return expect.objectContaining({ code: expected });
}

/** The two Azure endpoints and the one of OpenAI that serve gpt-4o-mini, at one price. */
const azure = score({ success: 0.938, ttft: 2568, ttft95: 8421, tps: 8, samples: 5_000 });
const openai = score({ success: 0.994, ttft: 716, ttft95: 4091, tps: 28, samples: 5_000 });
const mini = ["azure/eastus", "azure/sweden", "openai"].map((id) => exampleEndpoint(id));
const miniScores = scoresOf({
  "azure/eastus": { ...azure, uptime: 0.8982 },
  "azure/sweden": { ...azure, uptime: 0.9421 },
  openai: { ...openai, uptime: 0.9941 },
});

describe("the standard tier", () => {
  test("gives the healthier and faster of equally priced endpoints by far the most calls", () => {
    const shares = explained(inputOf(mini, { scores: miniScores }));
    expect(shares["openai"]).toBeGreaterThan(0.9);
    expect(shares["azure/sweden"]).toBeGreaterThan(shares["azure/eastus"] ?? 1);
  });

  test("takes the price share of OpenRouter when the caller asks for the exponent 2", () => {
    const endpoints = [priced("a", 1), priced("b", 2), priced("c", 3)];
    const scores = scoresOf({ a: score(), b: score(), c: score() });
    const shares = explained(
      inputOf(endpoints, {
        scores,
        policy: { weights: { cost: 2, latency: 0, throughput: 0, reliability: undefined } },
      }),
    );
    expect(shares["a"]).toBeCloseTo(0.735, 3);
    expect(shares["b"]).toBeCloseTo(0.184, 3);
    expect(shares["c"]).toBeCloseTo(0.082, 3);
  });

  test("gives an endpoint 40 % dearer less than a tenth, however fast it is", () => {
    const scores = scoresOf({
      cheap: score({ ttft: 4_000, tps: 5 }),
      dear: score({ ttft: 100, tps: 200 }),
    });
    const shares = explained(inputOf([priced("cheap", 1), priced("dear", 1.4)], { scores }));
    expect(shares["dear"]).toBeLessThan(0.1);
    expect(shares["dear"]).toBeGreaterThan(0);
  });

  test("lets performance decide a price difference of 3 %", () => {
    const scores = scoresOf({
      cheap: score({ ttft: 4_000, tps: 5 }),
      near: score({ ttft: 1_000, tps: 20 }),
    });
    const shares = explained(inputOf([priced("cheap", 1), priced("near", 1.03)], { scores }));
    expect(shares["near"]).toBeGreaterThan(0.5);
  });

  test("pays on the mean at most 5 % more per success than the cheapest, whatever there is", () => {
    const some = fc.record({
      usd: fc.double({ min: 1, max: 1.6, noNaN: true }),
      success: fc.double({ min: 0.7, max: 1, noNaN: true }),
      ttft: fc.double({ min: 50, max: 20_000, noNaN: true }),
      tps: fc.double({ min: 1, max: 300, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 40 }), (drafts) => {
        const endpoints = drafts.map(({ usd }, index) => priced(`e${index}`, usd));
        const scores = scoresOf(
          Object.fromEntries(drafts.map((draft, index) => [`e${index}`, score(draft)])),
        );
        const { candidates } = planner.explain(inputOf(endpoints, { scores }));
        const costs = candidates.map(
          ({ terms, share }) =>
            [(terms["price_nano_usd"] ?? 0) / (terms["success"] ?? 0), share] as const,
        );
        const cheapest = Math.min(...costs.map(([cost]) => cost));
        const mean = costs.reduce((sum, [cost, share]) => sum + cost * share, 0);
        expect(mean / cheapest).toBeLessThanOrEqual(1.05 + 1e-9);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test.each([
    ["cheaper", { usd: 0.97 }],
    ["faster to the first token", { ttft: 0.8 }],
    ["faster after it", { tps: 1.25 }],
    ["healthier", { success: 1.03 }],
  ])("never lowers the share of an endpoint that gets %s", (_name, factors) => {
    const { usd = 1, ttft = 1, tps = 1, success = 1 } = factors as Record<string, number>;
    const some = fc.record({
      usd: fc.double({ min: 1, max: 1.3, noNaN: true }),
      success: fc.double({ min: 0.7, max: 0.95, noNaN: true }),
      ttft: fc.double({ min: 200, max: 4_000, noNaN: true }),
      tps: fc.double({ min: 10, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(some, { minLength: 2, maxLength: 6 }), (drafts) => {
        const share = (all: typeof drafts) =>
          explained(
            inputOf(
              all.map((draft, index) => priced(`e${index}`, draft.usd)),
              { scores: scoresOf(Object.fromEntries(all.map((d, i) => [`e${i}`, score(d)]))) },
            ),
          )["e0"] ?? 0;
        const better = drafts.map((draft, index) =>
          index === 0
            ? {
                usd: draft.usd * usd,
                ttft: draft.ttft * ttft,
                tps: draft.tps * tps,
                success: draft.success * success,
              }
            : draft,
        );
        expect(share(better)).toBeGreaterThanOrEqual(share(drafts) - 1e-6);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  test("treats a price of 0 as cheap and not as infinitely cheap", () => {
    const endpoints = [priced("free", 0), priced("a", 1), priced("b", 1)];
    const policy = { weights: { cost: 1, latency: 0, throughput: 0, reliability: 0 } };
    const shares = explained(inputOf(endpoints, { policy }));
    // A twentieth of the median: 20 to 1 and 1.
    expect(shares["free"]).toBeCloseTo(20 / 22, 2);
  });
});

describe("the realtime tier", () => {
  test("sends most calls to the shortest predicted tail and none to another precision", () => {
    const endpoints = [...mini, exampleEndpoint("fp8", { native: false, quantization: "fp8" })];
    const scores = scoresOf({
      "azure/eastus": azure,
      "azure/sweden": azure,
      openai,
      fp8: score({ ttft: 10, tps: 500 }),
    });
    const green: GateView = () => "green";
    const shares = explained(
      inputOf(endpoints, { scores, gates: green, policy: { tier: "realtime" } }),
    );
    expect(shares["openai"]).toBeGreaterThan(0.9);
    expect(shares["fp8"]).toBeUndefined();
  });
});

/** Random fleets with every kind of trouble, for what must hold whatever happens. */
const trouble = fc.record({
  usd: fc.double({ min: 0, max: 5, noNaN: true }),
  native: fc.boolean(),
  enabled: fc.boolean(),
  provider: fc.constantFrom("x", "y", "z"),
  score: fc.option(
    fc.record({
      success: fc.double({ min: 0, max: 1 }),
      ttft: fc.double({ min: -1, max: 10_000 }),
      tps: fc.double({ min: -1, max: 300 }),
      samples: fc.integer({ min: 0, max: 1_000 }),
      degraded: fc.boolean(),
    }),
  ),
  live: fc.option(
    fc.record({
      inflight: fc.integer({ min: 0, max: 20 }),
      breaker: fc.constantFrom("closed" as const, "half-open" as const),
      cold: fc.boolean(),
      felt: fc.double({ min: 1, max: 60_000, noNaN: true }),
      slowStart: fc.double({ min: 0.1, max: 1, noNaN: true }),
      block: fc.constantFrom(
        undefined,
        undefined,
        { reason: "breaker-open" as const, untilMs: NOW_MS + 5_000 },
        { reason: "rate-limited" as const, untilMs: NOW_MS + 1_000 },
        { reason: "at-concurrency-limit" as const, untilMs: NOW_MS },
        { reason: "credentials" as const, untilMs: Infinity },
      ),
    }),
  ),
});

const policies = fc.record({
  tier: fc.constantFrom("standard" as const, "realtime" as const),
  disableFallbacks: fc.boolean(),
  ignoreProviders: fc.constantFrom([], ["x"]),
  providerOrder: fc.constantFrom([], ["z", "y"]),
  preferredMaxFirstTokenMs: fc.constantFrom(undefined, 1_000),
  sessionAffinityKey: fc.constantFrom("", "s"),
  priority: fc.constantFrom("default" as const, "critical" as const),
});

const inputs = fc
  .tuple(fc.array(trouble, { minLength: 1, maxLength: 12 }), policies, fc.integer(), fc.boolean())
  .map(([fleet, policy, seed, hurried]) => {
    const endpoints: Endpoint[] = [];
    const scores: Record<string, EndpointScore> = {};
    const states: Record<string, LiveState> = {};
    for (const [index, draft] of fleet.entries()) {
      const id = `${draft.provider}/${index}`;
      endpoints.push(priced(id, draft.usd, { native: draft.native, enabled: draft.enabled }));
      if (draft.score !== null) {
        scores[id] = score(draft.score);
      }
      if (draft.live !== null) {
        const { block, ...rest } = draft.live;
        states[id] = live(block === undefined ? rest : { ...rest, block });
      }
    }
    const gates: GateView = (_operation, { provider }) => (provider.id === "z" ? "red" : "green");
    return inputOf(endpoints, {
      scores: scoresOf(scores),
      live: liveOf(states),
      policy,
      gates,
      decisionId: `d${seed}`,
      remainingMs: hurried ? 700 : 300_000,
    });
  });

function attempt<T>(run: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

describe("createPlanner()", () => {
  test("plans and explains alike, in every fleet", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const plan = attempt(() => createPlanner().plan(input));
        const explanation = attempt(() => planner.explain(input));
        expect("value" in explanation ? { value: explanation.value.plan } : explanation).toEqual(
          plan,
        );
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test("orders one to eight eligible endpoints, each once, with shares that add up to 1", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = attempt(() => planner.explain(input));
        const { plan, candidates } =
          "value" in result ? result.value : { plan: undefined, candidates: [] };
        const order = plan?.order ?? [];
        const eligible = new Set(
          candidates.filter((candidate) => candidate.eligible).map(({ endpoint }) => endpoint),
        );
        const shares = candidates.map(({ share }) => share);
        const sum = shares.reduce((total, share) => total + share, 0);
        const size = plan === undefined ? 0 : 1;
        expect(order.length).toBeGreaterThanOrEqual(size);
        expect(order.length).toBeLessThanOrEqual(input.policy.disableFallbacks ? 1 : 8);
        expect(new Set(order.map(({ endpoint }) => endpoint)).size).toBe(order.length);
        expect(order.filter(({ endpoint }) => !eligible.has(endpoint))).toEqual([]);
        expect(Math.abs(sum - size)).toBeLessThan(1e-9);
        expect(shares.filter((share) => share < -1e-12)).toEqual([]);
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  test("never calls an endpoint that a hard rule refuses, in panic neither", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const result = attempt(() => planner.explain(input));
        const candidates = "value" in result ? result.value.candidates : [];
        const wrong = candidates.filter(
          ({ eligible, rejections }) => eligible && rejections.some(({ soft }) => !soft),
        );
        expect(wrong).toEqual([]);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  test("picks each endpoint first as often as its share says", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const explain = attempt(() => planner.explain(input));
        const candidates = "value" in explain ? explain.value.candidates : [];
        const counts = new Map<string, number>();
        const runs = candidates.length === 0 ? 0 : 4_000;
        for (let index = 0; index < runs; index += 1) {
          const { decision } = planner.plan({ ...input, decisionId: `run-${index}` });
          counts.set(decision.endpoint.id, (counts.get(decision.endpoint.id) ?? 0) + 1);
        }
        const far = candidates.filter(
          ({ endpoint, share }) =>
            Math.abs((counts.get(endpoint.id) ?? 0) / Math.max(1, runs) - share) > 0.02,
        );
        expect(far).toEqual([]);
      }),
      { seed: 6, numRuns: 12 },
    );
  });

  test("only demotes by what the last 30 seconds say", () => {
    const endpoints = [priced("a", 1), priced("b", 1.1), priced("c", 1.2)];
    const share = (degraded: boolean) =>
      explained(
        inputOf(endpoints, {
          scores: scoresOf({ a: score({ degraded }), b: score(), c: score() }),
        }),
      );
    expect(share(true)["a"]).toBeUndefined();
    expect(share(true)["b"]).toBeGreaterThan(share(false)["b"] ?? 1);
    expect(
      planned(inputOf(endpoints, { scores: scoresOf({ a: score({ degraded: true }) }) })),
    ).toContain("a");
  });

  test("serves any number of calls while nobody is known", () => {
    const endpoints = [priced("a", 1), priced("b", 1)];
    const busy = live({ inflight: 500, limit: 1_000, cold: true });
    const shares = explained(inputOf(endpoints, { live: liveOf({ a: busy, b: busy }) }));
    expect(shares).toEqual({ a: 0.5, b: 0.5 });
  });

  test("gives a cold endpoint a call at a time while another one is known", () => {
    const endpoints = [priced("known", 2), priced("cold", 1)];
    const scores = scoresOf({ known: score() });
    const share = (inflight: number) =>
      explained(
        inputOf(endpoints, { scores, live: liveOf({ cold: live({ inflight, cold: true }) }) }),
      )["cold"] ?? 0;
    expect(share(0)).toBeGreaterThan(0.9);
    expect(share(1)).toBe(0);
  });

  test("gives a cold endpoint its hundredth although it is dearer", () => {
    const endpoints = [priced("known", 1), priced("cold", 2)];
    const scores = scoresOf({ known: score() });
    expect(explained(inputOf(endpoints, { scores }))["cold"]).toBeCloseTo(0.01, 4);
  });

  test.each([
    ["critical", { priority: "critical" as const }],
    ["not to be tried again", { maxAttempts: 1 }],
    ["without fallbacks", { disableFallbacks: true }],
  ])("explores with no call that is %s", (_name, policy) => {
    const endpoints = [priced("known", 1), priced("cold", 2)];
    const scores = scoresOf({ known: score() });
    expect(explained(inputOf(endpoints, { scores, policy }))["cold"]).toBeLessThan(0.005);
  });

  test("lets a recovering endpoint take a hundredth although sound ones are left", () => {
    const endpoints = [priced("sound", 1), priced("recovering", 1)];
    const scores = scoresOf({ sound: score(), recovering: score() });
    const states = liveOf({ recovering: live({ breaker: "half-open" }) });
    const input = inputOf(endpoints, { scores, live: states });
    expect(explained(input)["recovering"]).toBeCloseTo(0.01, 6);
    const sentences = Array.from({ length: 1_000 }, (_, index) =>
      planner.plan({ ...input, decisionId: `d${index}` }),
    ).map(({ decision }) => decision.explanation);
    expect(sentences.filter((text) => text.includes("whether it has recovered"))).not.toEqual([]);
  });

  test("reads neither aliases nor endpoints of another model", () => {
    const endpoints = [priced("a", 1), priced("other", 0.1, { model: "acme/two" })];
    expect(planned(inputOf(endpoints, { spec: exampleSpec({ model: "one" }) }))).toEqual(["a"]);
  });

  test("plans one endpoint alone", () => {
    const plan = planner.plan(inputOf([priced("a", 1)]));
    expect(plan.decision.fallbacks).toEqual([]);
    expect(plan.decision.endpoint.id).toBe("a");
  });

  test("tells in the decision what it was made from", () => {
    const scores = scoresOf({ a: score() }, NOW_MS - 4_000);
    const input = inputOf([priced("a", 1), priced("b", 1)], {
      scores,
      policy: { operation: "support.reply" },
    });
    const { decision, order } = planner.plan(input);
    expect(decision).toMatchObject({
      decisionId: input.decisionId,
      tier: "standard",
      operation: "support.reply",
      fallbacks: [order[1]?.endpoint.id],
      estimatedInputTokens: 8,
      estimatedOutputTokens: 256,
      catalogRevision: 7,
      priceVersion: "0a1b2c3d4e5f",
      scoreRevision: 3,
      decidedAtMs: NOW_MS,
      scoreAgeMs: 4_000,
      relaxations: [],
      prediction: order[0].prediction,
      droppedParameters: [],
    });
    expect(decision.estimatedCost.total).toBe(8_000 + 256_000);
  });

  test("has no score age while there are no scores, and none below 0", () => {
    expect(planner.plan(inputOf([priced("a", 1)])).decision.scoreAgeMs).toBeUndefined();
    const ahead = scoresOf({ a: score() }, NOW_MS + 10);
    expect(planner.plan(inputOf([priced("a", 1)], { scores: ahead })).decision.scoreAgeMs).toBe(0);
  });

  test("lists what the chosen endpoint cannot take", () => {
    const endpoint = priced("a", 1, { parameters: new Set(["temperature"]) });
    const spec = exampleSpec({
      sampling: { ...exampleSpec().sampling, temperature: 1, topK: 5, seed: 1n },
    });
    const { decision, order } = planner.plan(inputOf([endpoint], { spec }));
    expect(decision.droppedParameters).toEqual(["top_k", "seed"]);
    expect(order[0].droppedParameters).toEqual(["top_k", "seed"]);
  });

  test("drops scores that are too old, and says so", () => {
    const old = scoresOf({ a: score({ ttft: 50 }) }, NOW_MS - MAX_SCORE_AGE_MS - 1);
    const { decision } = planner.plan(inputOf([priced("a", 1)], { scores: old }));
    expect(decision.relaxations).toEqual(["stale-scores"]);
    expect(decision.prediction.measured).toBe(false);
    expect(decision.explanation).toContain("too old");
    const limit = scoresOf({ a: score({ ttft: 50 }) }, NOW_MS - MAX_SCORE_AGE_MS);
    expect(planner.plan(inputOf([priced("a", 1)], { scores: limit })).decision.relaxations).toEqual(
      [],
    );
  });

  test("holds against an endpoint what is claimed of it although scores are too old, and nothing else", () => {
    const claimed: EndpointScore = { ...score({ ttft: 1 }), claimed: true, degraded: true };
    const scores = scoresOf(
      { draining: claimed, failed: score({ success: 0, degraded: true }), good: score() },
      NOW_MS - MAX_SCORE_AGE_MS - 1,
    );
    const endpoints = [priced("draining", 1), priced("failed", 1), priced("good", 1)];
    const { plan, candidates } = planner.explain(inputOf(endpoints, { scores }));
    expect(plan.decision.relaxations).toEqual(["stale-scores"]);
    expect(plan.order.at(-1)?.endpoint.id).toBe("draining");
    expect(candidates.map(({ band, share }) => [band, share])).toEqual([
      [1, 0],
      [0, 0.5],
      [0, 0.5],
    ]);
    const expected = plan.order.map(({ prediction }) => prediction);
    expect(expected).toEqual(Array.from({ length: 3 }, () => expected[0]));
    expect(expected[0]?.measured).toBe(false);
  });

  test("keeps everything when nothing is expected to be in time, and says so", () => {
    const input = inputOf([priced("a", 1), priced("b", 1)], { remainingMs: 100 });
    expect(planner.plan(input).decision.relaxations).toEqual(["too-slow"]);
    expect(planned(input)).toHaveLength(2);
  });

  test("leaves out who is too slow while somebody is not", () => {
    const scores = scoresOf({ slow: score({ ttft: 5_000 }), fast: score({ ttft: 500 }) });
    const input = inputOf([priced("slow", 1), priced("fast", 9)], { scores, remainingMs: 1_000 });
    expect(planned(input)).toEqual(["fast"]);
    expect(planner.plan(input).decision.relaxations).toEqual([]);
  });

  test("panics when nothing takes calls: soonest to recover first, gates kept", () => {
    const endpoints = [
      priced("later", 1),
      priced("sooner", 9),
      priced("red", 1, { native: false }),
    ];
    const states = liveOf({
      later: blocked("breaker-open", 9_000),
      sooner: blocked("rate-limited", 1_000),
      red: blocked("breaker-open", 10),
    });
    const input = inputOf(endpoints, { live: states, gates: () => "red" });
    expect(planned(input)).toEqual(["sooner", "later"]);
    expect(planner.plan(input).decision.relaxations).toEqual(["panic"]);
    expect(planner.plan(input).decision.explanation).toMatch(/^standard: sooner; none takes calls/);
    expect(explained(input)).toEqual({ sooner: 1 });
  });

  test("swaps the first two when the first is far slower than predicted at this moment", () => {
    const endpoints = [priced("cheap", 1), priced("dear", 1.5)];
    const scores = scoresOf({ cheap: score(), dear: score() });
    const states = liveOf({ cheap: live({ felt: 30_000 }), dear: live() });
    const input = inputOf(endpoints, { scores, live: states });
    expect(planned(input)).toEqual(["dear", "cheap"]);
    expect(explained(input)["dear"]).toBeGreaterThan(0.98);
  });

  test("knows no model of another name", () => {
    expect(() => planner.plan(inputOf([], { spec: exampleSpec({ model: "acme/x" }) }))).toThrow(
      code("model-not-found"),
    );
  });

  describe("with fallback models", () => {
    const two = priced("two", 0.1, { model: "acme/two" });
    const policy = { fallbackModels: ["acme/unknown", "one", "acme/two"] };

    test("appends their endpoints after those of the requested model", () => {
      const input = inputOf([priced("a", 9), priced("b", 9), two], { policy });
      expect(planned(input)).toHaveLength(3);
      expect(planned(input).at(-1)).toBe("two");
      expect(planner.plan(input).decision.relaxations).toEqual([]);
      expect(explained(input)["two"]).toBeUndefined();
    });

    test("plans the next model when the requested one has no eligible endpoint", () => {
      const input = inputOf([priced("a", 1, { enabled: false }), two], { policy });
      const { plan, candidates } = planner.explain(input);
      expect(plan.order.map(({ endpoint }) => endpoint.id)).toEqual(["two"]);
      expect(plan.decision.relaxations).toEqual(["fallback-model"]);
      expect(plan.decision.explanation).toContain("the requested model has no endpoint left");
      expect(candidates.map(({ endpoint }) => endpoint.id)).toEqual(["a", "two"]);
    });

    test("prefers a fallback that takes calls to a panic", () => {
      const input = inputOf([priced("a", 1), two], {
        policy,
        live: liveOf({ a: blocked("breaker-open") }),
      });
      expect(planned(input)).toEqual(["two"]);
    });

    test("panics at the requested model when the fallbacks do not work either", () => {
      const states = liveOf({ a: blocked("breaker-open"), two: blocked("breaker-open", 1) });
      const input = inputOf([priced("a", 1), two], { policy, live: states });
      expect(planned(input)).toEqual(["a"]);
      expect(planner.plan(input).decision.relaxations).toEqual(["panic"]);
    });

    test("leaves them alone when fallbacks are disabled", () => {
      const disabled = { ...policy, disableFallbacks: true };
      const sound = inputOf([priced("a", 1), two], { policy: disabled });
      expect(planned(sound)).toEqual(["a"]);
      const gone = inputOf([priced("a", 1, { enabled: false }), two], { policy: disabled });
      expect(() => planner.plan(gone)).toThrow(code("no-eligible-endpoint"));
    });

    test("orders at most eight endpoints of all models", () => {
      const many = Array.from({ length: 7 }, (_, index) => priced(`a${index}`, 1));
      const more = [two, { ...two, id: exampleEndpoint("two/b").id }];
      expect(planned(inputOf([...many, ...more], { policy }))).toHaveLength(8);
    });
  });

  test("leaves an earlier plan as it was", () => {
    const input = inputOf([priced("a", 1), priced("b", 1.1)]);
    const first = planner.plan(input);
    const copy = structuredClone(first.order.map(({ prediction }) => prediction));
    const before = { ids: planned(input), explanation: first.decision.explanation };
    planner.plan({ ...input, policy: { ...input.policy, tier: "realtime" }, nowMs: 0 });
    expect(first.order.map(({ prediction }) => prediction)).toEqual(copy);
    expect(first.order.map(({ endpoint }) => endpoint.id)).toEqual(before.ids);
    expect(planner.plan(input).decision.explanation).toBe(before.explanation);
  });

  test("sees a change of the catalogue and of the scores at once", () => {
    const endpoints = [priced("a", 1)];
    const catalog = catalogOf(endpoints);
    const first = planner.plan(inputOf(endpoints, { catalog }));
    const scores = scoresOf({ a: score({ ttft: 123 }) });
    const second = planner.plan(inputOf(endpoints, { catalog, scores }));
    const third = planner.plan(inputOf([priced("b", 1)], { scores }));
    expect(first.decision.prediction.measured).toBe(false);
    expect(second.decision.prediction.firstTokenP50Ms).toBeCloseTo(123, 3);
    expect(third.decision.endpoint.id).toBe("b");
  });

  test("ignores scores of endpoints that the catalogue does not have", () => {
    const scores = scoresOf({ gone: score(), a: score() });
    expect(planned(inputOf([priced("a", 1), priced("b", 1)], { scores }))).toHaveLength(2);
  });

  test("ignores telemetry that is not a positive number", () => {
    const broken = score({ ttft: Number.NaN, tps: -5, success: Number.NaN, samples: Number.NaN });
    const shares = explained(
      inputOf([priced("a", 1), priced("b", 1)], { scores: scoresOf({ a: broken }) }),
    );
    expect(shares).toEqual({ a: 0.5, b: 0.5 });
  });

  test("spreads evenly when no weight is a number", () => {
    const states = liveOf({
      a: live({ slowStart: Number.NaN }),
      b: live({ slowStart: Number.NaN }),
    });
    expect(explained(inputOf([priced("a", 1), priced("b", 3)], { live: states }))).toEqual({
      a: 0.5,
      b: 0.5,
    });
  });

  test("prices by the tier of the prompt's size", () => {
    const tiers = [
      {
        minInputTokens: 5,
        inputPerMtok: 9e9,
        outputPerMtok: 9e9,
        cacheReadPerMtok: undefined,
        cacheWritePerMtok: undefined,
      },
    ];
    const long = exampleEndpoint("long", { pricing: pricing(1, 1, { tiers }) });
    const shares = explained(inputOf([long, priced("flat", 2)]));
    expect(shares["flat"]).toBeGreaterThan(0.98);
  });
});
