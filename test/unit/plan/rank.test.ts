import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EndpointScore } from "../../../src/domain/score.ts";
import {
  DEFAULT_FIRST_TOKEN_P50_MS,
  DEFAULT_FIRST_TOKEN_P95_MS,
  DEFAULT_SUCCESS,
  DEFAULT_TOKENS_PER_SECOND,
  forecast,
} from "../../../src/plan/rank.ts";
import { priced, score, scoresOf } from "./plan-fixture.ts";

/** Forecasts by id: of the endpoints with scores, and of `cold`, which has none. */
function forecasts(scores: Readonly<Record<string, EndpointScore>>) {
  const endpoints = [...Object.keys(scores), "cold"].map((id) => priced(id, 1));
  return Object.fromEntries(
    forecast(endpoints, scoresOf(scores)).map((one) => [one.endpoint.id, one]),
  );
}

describe("forecast()", () => {
  test("assumes a middling endpoint where nothing is known", () => {
    expect(forecasts({})["cold"]).toMatchObject({
      prediction: {
        firstTokenP50Ms: DEFAULT_FIRST_TOKEN_P50_MS,
        firstTokenP95Ms: DEFAULT_FIRST_TOKEN_P95_MS,
        tokensPerSecond: DEFAULT_TOKENS_PER_SECOND,
        measured: false,
      },
      success: DEFAULT_SUCCESS,
      degraded: false,
      known: false,
    });
  });

  test("believes many samples and draws few towards the median of the peers, in log space", () => {
    const few = forecasts({
      a: score({ ttft: 100 }),
      b: score({ ttft: 400 }),
      c: score({ ttft: 1_600, samples: 20 }),
    });
    expect(few["a"]?.prediction.firstTokenP50Ms).toBeCloseTo(100, 3);
    // Half its own and half the peers': the geometric mean of 1600 and 400.
    expect(few["c"]?.prediction.firstTokenP50Ms).toBeCloseTo(800, 6);
  });

  test("takes the worse quartile of the peers for an endpoint without figures", () => {
    const { cold } = forecasts({
      a: score({ ttft: 100, tps: 10 }),
      b: score({ ttft: 200, tps: 20 }),
      c: score({ ttft: 300, tps: 30 }),
    });
    expect(cold?.prediction.firstTokenP50Ms).toBe(250);
    expect(cold?.prediction.firstTokenP95Ms).toBe(500);
    expect(cold?.prediction.tokensPerSecond).toBe(15);
  });

  test("divides successes by results with 20 results of the peers' success beside them", () => {
    const { a } = forecasts({ a: score({ success: 0.5, samples: 20 }), b: score(), c: score() });
    expect(a?.success).toBeCloseTo((10 + 20) / 40, 9);
  });

  test("takes uptime for the prior of success where it is known", () => {
    const base = score({ samples: 0, uptime: 0.9 });
    const { a } = forecasts({ a: { ...base, success: undefined }, b: score() });
    expect(a?.success).toBeCloseTo(0.9, 9);
  });

  test("never puts the tail before the middle", () => {
    const { a } = forecasts({ a: score({ ttft: 5_000, ttft95: 100 }) });
    expect(a?.prediction.firstTokenP95Ms).toBe(a?.prediction.firstTokenP50Ms);
  });

  test("fills in a tail that has too few samples", () => {
    const base = score({ ttft: 100 });
    const { a } = forecasts({
      a: { ...base, firstTokenMs: { count: 10, p50: 100, p95: undefined } },
    });
    expect(a?.prediction).toMatchObject({ firstTokenP95Ms: 3_000, measured: true });
  });

  test("knows an endpoint from 20 results on", () => {
    const { few, enough } = forecasts({
      few: score({ samples: 19 }),
      enough: score({ samples: 20 }),
    });
    expect([few?.known, enough?.known]).toEqual([false, true]);
  });

  test("passes on that the last 30 seconds were bad", () => {
    expect(forecasts({ a: score({ degraded: true }) })["a"]?.degraded).toBe(true);
  });

  test("gives positive finite figures whatever telemetry says", () => {
    const any = fc.double();
    const telemetry = fc.record({ ttft: any, tps: any, success: any, samples: any, uptime: any });
    fc.assert(
      fc.property(telemetry, (figures) => {
        const { a } = forecasts({ a: score(figures) });
        const { prediction, success: ratio = 0 } = a ?? {};
        expect(ratio).toBeGreaterThanOrEqual(0);
        expect(ratio).toBeLessThanOrEqual(1);
        for (const figure of [
          prediction?.firstTokenP50Ms,
          prediction?.firstTokenP95Ms,
          prediction?.tokensPerSecond,
        ]) {
          expect(figure).toBeGreaterThan(0);
          expect(figure).toBeLessThan(Infinity);
        }
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });
});
