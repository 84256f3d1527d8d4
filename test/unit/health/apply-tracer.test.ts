import { describe, expect, it } from "vitest";
import { EMPTY_SCORES, type ScoreSnapshot } from "../../../src/domain/score.ts";
import { createApplyTracer } from "../../../src/health/apply-tracer.ts";
import type { ConfirmedReport } from "../../../src/health/publish-tracer.ts";
import type { ScoreReaderStatus } from "../../../src/health/score-reader.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import { idOf, positionOf, START_MS, versionOf } from "./score-fixture.ts";

const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

function start() {
  const clock = createManualClock(START_MS);
  const spans: ShownSpan[] = [];
  const listeners = new Set<(snapshot: ScoreSnapshot) => void>();
  let status: Partial<ScoreReaderStatus> = {};
  const tracer = createApplyTracer({
    reader: {
      // Nothing else of the status is looked at.
      status: () => status as ScoreReaderStatus,
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    sink: (made) => spans.push(shownSpan(made)),
    nowMs: clock.nowMs,
    random: () => 0.5,
  });
  const tell = () => {
    for (const listener of listeners) {
      listener({ ...EMPTY_SCORES, revision: 3 });
    }
  };
  return {
    clock,
    spans,
    tracer,
    listeners,
    tell,
    apply(asOfSequence: number, streamEpoch = START_MS) {
      const version = versionOf(positionOf(asOfSequence, { streamEpoch }), []);
      status = { version, ageMs: 250 };
      tell();
    },
    confirm(position: number, times: Partial<ConfirmedReport> = {}) {
      const nowMs = clock.nowMs();
      const report = { endpoint: idOf("a"), triedAtMs: nowMs, confirmedAtMs: nowMs, ...times };
      tracer.confirmed({ span: { ...span, traceState: "a=1" }, position, ...report });
    },
  };
}

describe("createApplyTracer()", () => {
  it("makes a span from the confirmation until scores know of the report", async () => {
    const { clock, spans, tracer, apply, confirm } = start();
    apply(1);
    confirm(5);
    await clock.advance(500);
    apply(4);
    expect(spans).toEqual([]);
    await clock.advance(500);
    apply(7);
    expect(spans).toEqual([
      {
        name: "atlas.scores.apply",
        kind: "internal",
        traceId: span.traceId,
        spanId: "8000000080000000",
        parentSpanId: span.spanId,
        parentIsRemote: false,
        traceState: "a=1",
        startedAtMs: START_MS,
        endedAtMs: START_MS + 1_000,
        attributes: {
          "atlas.endpoint": "a",
          "atlas.stream.sequence": 5,
          "atlas.scores.as_of_sequence": 7,
          "atlas.scores.age": 0.25,
          "atlas.score.revision": 3,
        },
        events: [],
        links: [],
        error: undefined,
      },
    ]);
    expect(tracer.stats()).toEqual({ waiting: 0, givenUp: 0, refused: 0 });
  });

  it("waits for the first scores there are", () => {
    const { spans, confirm, apply, tell } = start();
    confirm(5);
    tell();
    expect(spans).toEqual([]);
    apply(5);
    expect(spans).toHaveLength(1);
  });

  it("takes no time when the scores were faster than the confirmation", async () => {
    const { clock, spans, confirm, apply } = start();
    await clock.advance(1_000);
    apply(9);
    await clock.advance(1_000);
    confirm(9, { triedAtMs: START_MS });
    expect(spans).toMatchObject([{ startedAtMs: START_MS + 2_000, endedAtMs: START_MS + 2_000 }]);
  });

  it("gives up what is in a stream that was made anew, before it is told of and after", async () => {
    const { clock, spans, tracer, confirm, apply } = start();
    apply(1_000);
    confirm(1_001);
    await clock.advance(1_000);
    confirm(3);
    expect(tracer.stats()).toEqual({ waiting: 1, givenUp: 1, refused: 0 });
    apply(2_000, START_MS + 1);
    expect(spans).toEqual([]);
    expect(tracer.stats()).toEqual({ waiting: 0, givenUp: 2, refused: 0 });
  });

  it("gives up after 30 s", async () => {
    const { clock, spans, tracer, confirm, apply } = start();
    confirm(5);
    await clock.advance(1);
    confirm(6);
    await clock.advance(30_000);
    apply(9);
    expect(spans).toMatchObject([{ attributes: { "atlas.stream.sequence": 6 } }]);
    expect(tracer.stats()).toMatchObject({ givenUp: 1, waiting: 0 });
  });

  it("waits for 64 at most, and forgets the old ones without any scores", async () => {
    const { clock, tracer, confirm } = start();
    for (let position = 1; position <= 70; position += 1) {
      confirm(position);
    }
    expect(tracer.stats()).toEqual({ waiting: 64, givenUp: 0, refused: 6 });
    await clock.advance(30_001);
    confirm(71);
    expect(tracer.stats()).toEqual({ waiting: 1, givenUp: 64, refused: 6 });
  });

  it("listens no more after it was closed", () => {
    const { tracer, confirm, listeners } = start();
    confirm(1);
    tracer.close();
    expect(listeners.size).toBe(0);
    expect(tracer.stats().waiting).toBe(0);
  });
});
