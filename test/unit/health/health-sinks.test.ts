import { describe, expect, it } from "vitest";
import type { FailureKind } from "../../../src/domain/outcome.ts";
import type { LiveState } from "../../../src/domain/score.ts";
import { spanIdAt, spanSlots } from "../../../src/domain/trace.ts";
import { createHealthSink } from "../../../src/health/health-sinks.ts";
import { exampleTrace } from "../../support/examples.ts";
import { failed, makeEndpoint, makeObservation } from "../score/make-observation.ts";

const START_MS = 1_800_000_000_000;

function start() {
  const signals: unknown[] = [];
  const breakers: Record<string, LiveState["breaker"]> = {};
  const live = {
    of: (endpoint: string) =>
      breakers[endpoint] === undefined
        ? undefined
        : ({ breaker: breakers[endpoint] } as unknown as LiveState),
  };
  const sink = createHealthSink({
    live,
    signal: (endpoint, signal) => signals.push([endpoint, signal]),
  });
  return {
    signals,
    breakers,
    end(name: string, atMs: number, kind?: FailureKind, retryAfterMs?: number) {
      const outcome =
        kind === undefined
          ? {}
          : { outcome: failed(kind, retryAfterMs === undefined ? {} : { retryAfterMs }) };
      const endpoint = makeEndpoint(name);
      sink(makeObservation({ endpoint, endedAtMs: START_MS + atMs, ...outcome }));
    },
  };
}

function rateLimit(name: string, retryAfterMs?: number) {
  const unknown = { requestsRemaining: undefined, tokensRemaining: undefined };
  return [name, { kind: "rate-limit", ...unknown, retryAfterMs }];
}

describe("createHealthSink()", () => {
  it("tells of a rate limit, with the wait the provider asks for", () => {
    const { end, signals } = start();
    end("a", 0, "rate-limited", 7_000);
    end("b", 0, "rate-limited");
    expect(signals).toEqual([rateLimit("a", 7_000), rateLimit("b")]);
  });

  it("tells of an endpoint's rate limit at most once a second, also with successes between", () => {
    const { end, signals } = start();
    end("a", 0, "rate-limited");
    end("a", 300);
    end("a", 999, "rate-limited");
    expect(signals).toHaveLength(1);
    end("a", 1_000, "rate-limited");
    end("a", 1_100);
    end("a", 5_000);
    end("a", 5_100, "rate-limited");
    expect(signals).toHaveLength(3);
  });

  it("says nothing of other results", () => {
    const { end, signals } = start();
    end("a", 0);
    end("a", 0, "server-error");
    end("a", 0, "overloaded", 7_000);
    expect(signals).toEqual([]);
  });

  it("tells of every state of the breaker once", () => {
    const { end, signals, breakers } = start();
    breakers["a"] = "closed";
    end("a", 0);
    breakers["a"] = "open";
    end("a", 10, "server-error");
    end("a", 20, "server-error");
    breakers["a"] = "half-open";
    end("a", 30);
    breakers["a"] = "closed";
    end("a", 40);
    end("a", 50);
    breakers["a"] = "open";
    end("a", 60, "server-error");
    expect(signals).toEqual(
      ["open", "half-open", "closed", "open"].map((state) => ["a", { kind: "breaker", state }]),
    );
  });

  it("names the attempt that showed it, if its span is kept", () => {
    const origins: unknown[] = [];
    const sink = createHealthSink({
      live: { of: () => ({ breaker: "open" }) as unknown as LiveState },
      signal: (_, { kind }, origin) => origins.push([kind, origin?.spanId]),
    });
    const refused = makeObservation({ endedAtMs: START_MS, outcome: failed("rate-limited") });
    const trace = exampleTrace({ keep: true });
    sink({ ...refused, trace });
    sink({ ...refused, attempt: { ...refused.attempt, endpoint: makeEndpoint("b") } });
    expect(origins).toEqual([
      ["rate-limit", spanIdAt(trace, spanSlots.attempt)],
      ["breaker", spanIdAt(trace, spanSlots.attempt)],
      ["rate-limit", undefined],
      ["breaker", undefined],
    ]);
  });

  it("tells both when a refused endpoint's breaker changed", () => {
    const { end, signals, breakers } = start();
    breakers["a"] = "open";
    end("a", 0, "rate-limited");
    expect(signals).toEqual([rateLimit("a"), ["a", { kind: "breaker", state: "open" }]]);
  });
});
