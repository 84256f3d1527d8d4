import { describe, expect, test } from "vitest";
import { type Failure, type Outcome, SUCCESS } from "../../../src/domain/outcome.ts";
import type { UpstreamCall } from "../../../src/domain/ports.ts";
import type { StreamEvent } from "../../../src/domain/stream-event.ts";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { createProbeSpans } from "../../../src/trace/probe-spans.ts";
import { exampleSpec, exampleTrace } from "../../support/examples.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import { endpoint, usage } from "./call-fixture.ts";

const START_MS = 1_800_000_000_000;

const answer: readonly StreamEvent[] = [
  { kind: "response-start", httpStatus: 200, upstreamRequestId: "r-1", upstreamModel: undefined },
  {
    kind: "response-start",
    httpStatus: undefined,
    upstreamRequestId: undefined,
    upstreamModel: "one-2026",
  },
  { kind: "text-delta", choice: 0, text: "H" },
  { kind: "text-delta", choice: 0, text: "i" },
  { kind: "choice-end", choice: 0, reason: "length", rawReason: "length", stopSequence: "" },
  { kind: "usage", usage },
];

/** Each event takes 10 ms. */
async function probe(outcome: Outcome, { keep = true, events = answer } = {}) {
  const spans: ShownSpan[] = [];
  const heard: StreamEvent[] = [];
  const begun: unknown[][] = [];
  let nowMs = START_MS;
  let asked: UpstreamCall | undefined;
  const upstream = createProbeSpans({
    upstream: async (call) => {
      asked = call;
      for (const event of events) {
        nowMs += 10;
        call.emit(event);
      }
      return outcome;
    },
    beginTrace: (...headers) => {
      begun.push(headers);
      return exampleTrace({ keep, sampled: keep });
    },
    sink: (span) => spans.push(shownSpan(span)),
    nowMs: () => nowMs,
    names: attributeNamesOf(undefined),
    serverOf: () => ({ host: "api.acme.test", port: 443 }),
  });
  const ended = await upstream({
    endpoint,
    spec: exampleSpec(),
    stream: true,
    emit: (event) => heard.push(event),
    signal: new AbortController().signal,
  });
  return { spans, heard, begun, asked, ended };
}

describe("a probe", () => {
  test("begins a trace of its own, which is its only span", async () => {
    const { spans, begun, asked } = await probe(SUCCESS);
    expect(begun).toEqual([[undefined, undefined]]);
    expect(asked?.trace).toEqual({
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203333-01",
      tracestate: "",
    });
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({
      name: "chat acme/one",
      kind: "client",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203333",
      parentSpanId: undefined,
      startedAtMs: START_MS,
      endedAtMs: START_MS + 60,
      events: [{ name: "gen_ai.first_token", atMs: START_MS + 30 }],
      error: undefined,
      attributes: {
        "atlas.probe": true,
        "atlas.endpoint": "acme/eu/one",
        "atlas.upstream.request_id": "r-1",
        "atlas.cost.nano_usd": 52_650,
        "gen_ai.request.stream": true,
        "gen_ai.response.model": "one-2026",
        "gen_ai.response.finish_reasons": ["length"],
        "gen_ai.response.time_to_first_chunk": 0.03,
        "gen_ai.usage.output_tokens": 57,
        "http.response.status_code": 200,
        "server.address": "api.acme.test",
      },
    });
  });

  test("tells its prober all that it would have been told without", async () => {
    const { heard, ended } = await probe(SUCCESS);
    expect(heard).toEqual(answer);
    expect(ended).toBe(SUCCESS);
  });

  test("that failed says how, and costs nothing that is known", async () => {
    const failure: Failure = {
      kind: "overloaded",
      message: "canary",
      httpStatus: 529,
      upstreamRequestId: "r-2",
    };
    const { spans, ended } = await probe(failure, { events: [] });
    expect(ended).toBe(failure);
    expect(spans[0]).toMatchObject({
      error: "overloaded",
      attributes: { "http.response.status_code": 529, "atlas.upstream.request_id": "r-2" },
    });
    expect(spans[0]?.attributes["atlas.cost.nano_usd"]).toBeUndefined();
    expect(JSON.stringify(spans)).not.toContain("canary");
  });

  test("has no span when it was not sampled, and says so to the provider", async () => {
    const { spans, asked } = await probe(SUCCESS, { keep: false });
    expect(spans).toEqual([]);
    expect(asked?.trace?.traceparent).toMatch(/-00$/);
  });
});
