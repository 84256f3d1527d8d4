/** Requests and tokens of the current calendar minute. */
export type RateWindow = {
  read(nowMs: number): RateReading;
  add(tokens: number, nowMs: number): void;
  /** Both counts at zero again. */
  clear(): void;
};

export type RateReading = {
  readonly requests: number;
  readonly tokens: number;
  /** Until the counts start again, 1 to 60,000. */
  readonly resetMs: number;
};

const MINUTE_MS = 60_000;

export function createRateWindow(): RateWindow {
  let minute = 0;
  let requests = 0;
  let tokens = 0;

  function roll(nowMs: number): void {
    const current = Math.floor(nowMs / MINUTE_MS);
    if (current !== minute) {
      minute = current;
      clear();
    }
  }

  function clear(): void {
    requests = 0;
    tokens = 0;
  }

  return {
    read(nowMs) {
      roll(nowMs);
      return { requests, tokens, resetMs: MINUTE_MS - (nowMs % MINUTE_MS) };
    },
    add(count, nowMs) {
      roll(nowMs);
      requests += 1;
      tokens += count;
    },
    clear,
  };
}
