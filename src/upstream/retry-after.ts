/** Header values by lower-case name, as Node's HTTP parsers give them. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Nobody waits a day for a completion; a longer demand is a clock error or means "never". */
const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

const DECIMAL = /^\d+(?:\.\d+)?$/;
const HTTP_DATE = /^[A-Za-z]{3,9},? /;

/**
 * How long the provider asked to wait, whole milliseconds from 0 to a day, by `retry-after-ms`,
 * `x-ms-retry-after-ms` or `retry-after` (seconds or an HTTP date), the most precise first.
 *
 * Absent or unreadable: `undefined`. A date in the past is 0. `nowMs` is epoch milliseconds.
 */
export function retryAfterMsOf(headers: ResponseHeaders, nowMs: number): number | undefined {
  return (
    millisecondsOf(headers["retry-after-ms"]) ??
    millisecondsOf(headers["x-ms-retry-after-ms"]) ??
    secondsOrDateOf(headers["retry-after"], nowMs)
  );
}

function millisecondsOf(value: string | readonly string[] | undefined): number | undefined {
  const text = headerText(value);
  return DECIMAL.test(text) ? clamp(Number(text)) : undefined;
}

function secondsOrDateOf(
  value: string | readonly string[] | undefined,
  nowMs: number,
): number | undefined {
  const text = headerText(value);
  if (DECIMAL.test(text)) {
    return clamp(Number(text) * 1000);
  }
  const dateMs = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : clamp(dateMs - nowMs);
}

/** The first of repeated headers; empty when there is none. */
export function headerText(value: string | readonly string[] | undefined): string {
  const first = typeof value === "string" || value === undefined ? value : value[0];
  return (first ?? "").trim();
}

function clamp(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), MAX_RETRY_AFTER_MS);
}
