import type { EndpointFigures, OutsideClaim, PercentileFigures } from "../domain/health.ts";
import type { EndpointScore } from "../domain/score.ts";
import { isDegraded } from "../score/fast-window.ts";
import { successRatio } from "../score/figures.ts";
import { isSlow } from "../score/recent-first-tokens.ts";
import { uptimeRatio } from "../score/uptime.ts";

const MICRO = 1_000_000;

/** How far before a table's `asOfMs` lies what it tells of as recent. */
export const RECENT_MS = 30_000;

/**
 * Published figures as the score that plans are made of; frozen.
 *
 * Minimum numbers of samples behind percentiles are in the figures already. An endpoint of which
 * somebody outside says anything but that it is up is tried after its peers, as one whose last 30 seconds
 * were bad or slow: the claim may be wrong, so that it is used when nothing else is left.
 *
 * `asOfMs` is that of the table, `busMs` this moment; both by the stream's clock. When they are 30 s apart
 * nothing is recent any more.
 */
export function figuresToScore(
  figures: EndpointFigures,
  asOfMs: number,
  busMs: number,
): EndpointScore {
  const { successes, failures, rateLimited, goodMinutes, observedMinutes, outside } = figures;
  const firstTokenMs = middleAndTail(figures.firstTokenMs);
  const recent = busMs - asOfMs < RECENT_MS ? recentOf(figures, firstTokenMs) : NOTHING_RECENT;
  const claimed = outside !== undefined && outside.state !== "up" && holdsClaim(outside, busMs);
  return Object.freeze({
    successes,
    failures,
    rateLimited,
    firstTokenMs,
    tokensPerSecond: Object.freeze({
      count: figures.tokensPerSecond.count,
      p5: fromMicro(figures.tokensPerSecond.p5Micro),
      p50: fromMicro(figures.tokensPerSecond.p50Micro),
      p95: fromMicro(figures.tokensPerSecond.p95Micro),
    }),
    durationMs: middleAndTail(figures.durationMs),
    success: successRatio(successes, failures),
    uptime: uptimeRatio(goodMinutes, observedMinutes),
    recent,
    claimed,
    degraded: claimed || isDegraded(recent) || recent.isSlow,
  });
}

type Recent = EndpointScore["recent"] & { readonly isSlow: boolean };

const NOTHING_RECENT: Recent = Object.freeze({
  successes: 0,
  failures: 0,
  firstTokenMs: undefined,
  isSlow: false,
});

function recentOf(figures: EndpointFigures, usual: EndpointScore["firstTokenMs"]): Recent {
  const typical = {
    samples: figures.recentFirstTokens,
    typicalMs: fromMicro(figures.recentFirstTokenMicro),
  };
  return Object.freeze({
    successes: figures.recentSuccesses,
    failures: figures.recentFailures,
    firstTokenMs: typical.typicalMs,
    isSlow: isSlow(typical, usual),
  });
}

/** The table tells of anything in its last seconds. */
export function hasRecent(figures: EndpointFigures): boolean {
  return figures.recentSuccesses + figures.recentFailures + figures.recentFirstTokens > 0;
}

/** It has not lapsed at `busMs`, by the stream's clock. */
export function holdsClaim({ untilMs }: OutsideClaim, busMs: number): boolean {
  return untilMs > busMs;
}

function middleAndTail({ count, p50Micro, p95Micro }: PercentileFigures) {
  return Object.freeze({ count, p50: fromMicro(p50Micro), p95: fromMicro(p95Micro) });
}

function fromMicro(micro: number | undefined): number | undefined {
  return micro === undefined ? undefined : micro / MICRO;
}
