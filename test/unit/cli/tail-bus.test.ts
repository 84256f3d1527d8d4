import { describe, expect, it } from "vitest";
import { createMemoryBus } from "../../../src/bus/memory-bus.ts";
import { tailBus } from "../../../src/cli/tail-bus.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { EndpointFigures, HealthReport, ScorePosition } from "../../../src/domain/health.ts";
import { scoreKeyOf, tokenOf, VERSION_KEY } from "../../../src/health/endpoint-token.ts";
import { encodeReport } from "../../../src/health/report-codec.ts";
import { encodeTable, encodeVersion } from "../../../src/health/table-codec.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const position: ScorePosition = {
  algorithmVersion: 1,
  streamEpoch: 5,
  asOfSequence: 9,
  asOfMs: 1_800_000_000_000,
};
const NONE = { count: 0, p5Micro: undefined, p50Micro: undefined, p95Micro: undefined };
const stateSha256 = new Uint8Array(32);

const figures = (endpoint: string): EndpointFigures => ({
  endpoint: endpoint as EndpointId,
  successes: 4,
  failures: 1,
  rateLimited: 2,
  firstTokenMs: NONE,
  tokensPerSecond: NONE,
  durationMs: NONE,
  goodMinutes: 3,
  observedMinutes: 5,
  recentSuccesses: 0,
  recentFailures: 0,
  recentFirstTokens: 0,
  recentFirstTokenMicro: undefined,
  outside: undefined,
});

function world(options: { readonly json?: boolean; readonly endpoint?: string } = {}) {
  const clock = createManualClock();
  const bus = createMemoryBus({ ...clock, log: () => undefined });
  const lines: string[] = [];
  const notes: string[] = [];
  const tail = tailBus(bus, {
    write: (text) => lines.push(text),
    note: (text) => notes.push(text),
    json: options.json ?? false,
    endpoint: options.endpoint,
  });
  let sequence = 0;
  const send = async (token: string, bytes: Uint8Array) => {
    sequence += 1;
    await bus.reports.publish({ token, id: `${sequence}`, bytes });
    await clock.advance(0);
  };
  return {
    bus,
    clock,
    lines,
    notes,
    tail,
    send,
    report: (endpoint: string) => {
      const report: HealthReport = {
        producer: "router-1",
        boot: 1n,
        sequence: sequence + 1,
        endpoint: endpoint as EndpointId,
        model: "m",
        observedAtMs: clock.nowMs(),
        signal: { kind: "breaker", state: "open" },
      };
      return send(tokenOf(endpoint), encodeReport(report));
    },
    async write(key: string, value: Uint8Array) {
      await bus.scores.put(key, value, 0);
      await clock.advance(0);
    },
  };
}

const table = (...endpoints: readonly string[]) =>
  encodeTable({ position, model: "acme/one", endpoints: endpoints.map(figures), stateSha256 });
const version = encodeVersion({ position, modelCount: 1, stateSha256, publisher: "scorer-1" });

describe("tailBus()", () => {
  it("shows a report in one line, with its place in the stream", async () => {
    const { report, lines, notes } = world();
    await report("a/b");
    expect(lines).toEqual(["08:00:00.000  #1  a/b  breaker open  from router-1\n"]);
    expect(notes).toEqual(["the bus is connected\n"]);
  });

  it("shows tables of scores and the end of a publication", async () => {
    const { write, lines } = world();
    await write(scoreKeyOf("acme/one"), table("a/b"));
    await write(VERSION_KEY, version);
    expect(lines).toEqual([
      "08:00:00.000  scores of acme/one as of #9: a/b 4 ok 1 failed 2 rate limited, 3 of 5 min good\n",
      "08:00:00.000  scores as of #9: 1 model, published by scorer-1\n",
    ]);
  });

  it("says what it cannot read", async () => {
    const { send, write, lines } = world();
    await send("a", new Uint8Array([255]));
    await write(VERSION_KEY, new Uint8Array([255]));
    await write("scores.x", new Uint8Array([255]));
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/#1 {2}a: cannot be read: /);
    expect(lines[1]).toMatch(/version: cannot be read: /);
    expect(lines[2]).toMatch(/scores\.x: cannot be read: /);
  });

  it("shows only what is about one endpoint", async () => {
    const { report, write, lines } = world({ endpoint: "a/b" });
    await report("c/d");
    await report("a/b");
    await write(scoreKeyOf("other"), table("c/d"));
    await write(VERSION_KEY, version);
    await write(scoreKeyOf("acme/one"), table("a/b", "c/d"));
    expect(lines).toHaveLength(2);
    expect(lines.join("")).not.toContain("c/d");
  });

  it("writes a document of JSON in each line", async () => {
    const { report, send, write, lines } = world({ json: true });
    await report("a/b");
    await send("x", new Uint8Array([255]));
    await write(scoreKeyOf("acme/one"), table("a/b"));
    await write(VERSION_KEY, version);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { report: { producer: "router-1", endpoint: "a/b" }, sequence: 1 },
      { sequence: 2, token: "x" },
      { scores: { model: "acme/one", endpoints: [{ endpoint: "a/b", successes: 4 }] } },
      { scores: { key: "version", modelCount: 1, publisher: "scorer-1" } },
    ]);
  });

  it("shows nothing after its end", async () => {
    const { tail, report, lines, notes, bus } = world();
    await tail.stop();
    await report("a/b");
    await bus.close();
    expect(lines).toEqual([]);
    expect(notes).toHaveLength(1);
  });
});
