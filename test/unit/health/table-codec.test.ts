import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ModelScoresSchema,
  PublishedVersionSchema,
} from "../../../gen/atlas/events/v1/score_table_pb.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import {
  type EndpointFigures,
  type ModelScoreTable,
  outsideStates,
  type PercentileFigures,
  type PublishedVersion,
  type ScorePosition,
} from "../../../src/domain/health.ts";
import {
  decodeTable,
  decodeVersion,
  encodeInParts,
  encodeTable,
  encodeVersion,
  MAX_TABLE_BYTES,
} from "../../../src/health/table-codec.ts";

const wholes = fc.maxSafeNat();

const positions: fc.Arbitrary<ScorePosition> = fc.record({
  algorithmVersion: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  streamEpoch: wholes,
  asOfSequence: wholes,
  asOfMs: wholes,
});

const percentiles: fc.Arbitrary<PercentileFigures> = fc
  .tuple(wholes, fc.array(wholes, { minLength: 3, maxLength: 3 }), fc.nat({ max: 7 }))
  .map(([count, values, present]) => {
    const [p5, p50, p95] = values.toSorted((left, right) => left - right);
    const given = (bit: number, value: number | undefined) => (present & bit ? value : undefined);
    return { count, p5Micro: given(1, p5), p50Micro: given(2, p50), p95Micro: given(4, p95) };
  });

const figures: fc.Arbitrary<EndpointFigures> = fc
  .tuple(fc.nat({ max: 30 }), fc.nat({ max: 30 }))
  .chain(([left, right]) =>
    fc.record({
      endpoint: fc.string({ minLength: 1, maxLength: 40, unit: "grapheme-ascii" }) as fc.Arbitrary<
        EndpointId & string
      >,
      successes: wholes,
      failures: wholes,
      rateLimited: wholes,
      firstTokenMs: percentiles,
      tokensPerSecond: percentiles,
      durationMs: percentiles,
      goodMinutes: fc.constant(Math.min(left, right)),
      observedMinutes: fc.constant(Math.max(left, right)),
      recentSuccesses: wholes,
      recentFailures: wholes,
      recentFirstTokens: wholes,
      recentFirstTokenMicro: fc.option(wholes, { nil: undefined }),
      outside: fc.option(
        fc.record({
          state: fc.constantFrom(...outsideStates),
          reason: fc.string({ maxLength: 200, unit: "grapheme-ascii" }),
          untilMs: wholes,
        }),
        { nil: undefined },
      ),
    }),
  );

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });

const tables: fc.Arbitrary<ModelScoreTable> = fc.record({
  position: positions,
  model: fc.string({ minLength: 1, maxLength: 256, unit: "grapheme-ascii" }),
  endpoints: fc
    .uniqueArray(figures, { selector: ({ endpoint }) => endpoint, maxLength: 5 })
    .map((list) => list.toSorted((left, right) => (left.endpoint < right.endpoint ? -1 : 1))),
  stateSha256: hashes,
});

const versions: fc.Arbitrary<PublishedVersion> = fc.record({
  position: positions,
  modelCount: fc.nat(),
  stateSha256: hashes,
  publisher: fc.string({ maxLength: 256, unit: "grapheme-ascii" }),
});

type WireTable = MessageInitShape<typeof ModelScoresSchema>;
type WireVersion = MessageInitShape<typeof PublishedVersionSchema>;
type WireFigures = NonNullable<WireTable["endpoints"]>[number];

const position = { algorithmVersion: 1, streamEpoch: 1n, asOfSequence: 1n, asOfUnixMs: 1n };
const stateSha256 = new Uint8Array(32);

/** A spread forgets that what is absent was not undefined: hence `as`. */
function tableProblem(changes: WireTable): string | undefined {
  const init = { position, model: "m", stateSha256, endpoints: [{ endpoint: "e" }], ...changes };
  const message = create(ModelScoresSchema, init as WireTable);
  const decoded = decodeTable(toBinary(ModelScoresSchema, message));
  return "problem" in decoded ? decoded.problem : undefined;
}

function versionProblem(changes: WireVersion): string | undefined {
  const init = { position, stateSha256, modelCount: 1, publisher: "s", ...changes };
  const message = create(PublishedVersionSchema, init as WireVersion);
  const decoded = decodeVersion(toBinary(PublishedVersionSchema, message));
  return "problem" in decoded ? decoded.problem : undefined;
}

describe("encodeTable()", () => {
  it("writes the bytes of one message, however many endpoints there are", () => {
    fc.assert(
      fc.property(tables, fc.nat(300), (table, count) => {
        const [one] = table.endpoints;
        const endpoints = one === undefined ? [] : new Array<EndpointFigures>(count).fill(one);
        const bytes = encodeTable({ ...table, endpoints });
        const whole = fromBinary(ModelScoresSchema, bytes);
        expect(Buffer.from(toBinary(ModelScoresSchema, whole))).toEqual(Buffer.from(bytes));
        expect(whole.endpoints).toHaveLength(endpoints.length);
      }),
      { seed: 8, numRuns: 50 },
    );
  });

  it("lets go after every 64 endpoints", () => {
    fc.assert(
      fc.property(tables, figures, (table, one) => {
        const endpoints = new Array<EndpointFigures>(129).fill(one);
        expect([...encodeInParts({ ...table, endpoints })]).toHaveLength(3);
      }),
      { seed: 9, numRuns: 1 },
    );
  });
});

describe("decodeTable()", () => {
  it("gives back every table that encodeTable() wrote", () => {
    fc.assert(
      fc.property(tables, (table) => {
        expect(decodeTable(encodeTable(table))).toEqual(table);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("takes percentiles that are absent for no samples", () => {
    expect(tableProblem({})).toBeUndefined();
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(tables, fc.nat(), fc.nat({ max: 255 }), (table, at, byte) => {
        const bytes = Uint8Array.from(encodeTable(table));
        bytes[at % bytes.length] = byte;
        decodeTable(bytes);
        decodeVersion(bytes);
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });

  it("does not keep the bytes it read", () => {
    const bytes = encodeTable({
      position: { algorithmVersion: 1, streamEpoch: 1, asOfSequence: 1, asOfMs: 1 },
      model: "m",
      endpoints: [],
      stateSha256: new Uint8Array(32).fill(9),
    });
    const decoded = decodeTable(bytes);
    bytes.fill(0);
    expect(decoded).toMatchObject({ stateSha256: new Uint8Array(32).fill(9) });
  });

  const one = (changes: WireFigures) => ({ endpoints: [{ endpoint: "e", ...changes }] });
  const range = "an endpoint's figures are out of range";

  it.each<{ name: string; changes: WireTable; problem: string }>([
    { name: "no model", changes: { model: "" }, problem: "model is missing" },
    {
      name: "algorithm 0",
      changes: { position: { ...position, algorithmVersion: 0 } },
      problem: "position is missing or negative",
    },
    {
      name: "a negative epoch",
      changes: { position: { ...position, streamEpoch: -1n } },
      problem: "position is missing or negative",
    },
    {
      name: "a negative sequence",
      changes: { position: { ...position, asOfSequence: -1n } },
      problem: "position is missing or negative",
    },
    {
      name: "a negative time",
      changes: { position: { ...position, asOfUnixMs: -1n } },
      problem: "position is missing or negative",
    },
    {
      name: "a short hash",
      changes: { stateSha256: new Uint8Array(31) },
      problem: "state_sha256 has not 32 bytes",
    },
    {
      name: "an endpoint without a name",
      changes: { endpoints: [{}] },
      problem: "endpoint is missing",
    },
    {
      name: "endpoints that repeat",
      changes: { endpoints: [{ endpoint: "e" }, { endpoint: "e" }] },
      problem: "endpoints do not ascend",
    },
    { name: "negative successes", changes: one({ successes: -1n }), problem: range },
    { name: "negative failures", changes: one({ failures: -1n }), problem: range },
    { name: "negative rate limits", changes: one({ rateLimited: -1n }), problem: range },
    { name: "negative recent successes", changes: one({ recentSuccesses: -1n }), problem: range },
    { name: "negative recent failures", changes: one({ recentFailures: -1n }), problem: range },
    { name: "negative recent samples", changes: one({ recentFirstTokens: -1n }), problem: range },
    {
      name: "a negative recent time",
      changes: one({ recentFirstTokens: 5n, recentFirstTokenMicro: -1n }),
      problem: range,
    },
    {
      name: "more good minutes than observed ones",
      changes: one({ goodMinutes: 2, observedMinutes: 1 }),
      problem: range,
    },
    {
      name: "more than 30 minutes",
      changes: one({ goodMinutes: 1, observedMinutes: 31 }),
      problem: range,
    },
    {
      name: "negative minutes",
      changes: one({ goodMinutes: -1, observedMinutes: 1 }),
      problem: range,
    },
    {
      name: "percentiles that descend",
      changes: one({ firstTokenMs: { count: 9n, p50Micro: 2n, p95Micro: 1n } }),
      problem: range,
    },
    {
      name: "a median below the 5th percentile",
      changes: one({ tokensPerSecond: { count: 9n, p5Micro: 2n, p50Micro: 1n } }),
      problem: range,
    },
    {
      name: "a 95th percentile below the 5th",
      changes: one({ tokensPerSecond: { count: 9n, p5Micro: 2n, p95Micro: 1n } }),
      problem: range,
    },
    {
      name: "a negative percentile",
      changes: one({ durationMs: { count: 9n, p50Micro: -1n } }),
      problem: range,
    },
    {
      name: "a negative count of samples",
      changes: one({ durationMs: { count: -1n } }),
      problem: range,
    },
    { name: "an unspecified claim", changes: one({ outside: { state: 0 } }), problem: range },
    {
      name: "a claim of before 1970",
      changes: one({ outside: { state: 1, untilUnixMs: -1n } }),
      problem: range,
    },
  ])("refuses $name", ({ changes, problem }) => {
    expect(tableProblem(changes)).toBe(problem);
  });

  it("refuses a table without a position", () => {
    const message = create(ModelScoresSchema, { model: "m", stateSha256 });
    expect(decodeTable(toBinary(ModelScoresSchema, message))).toEqual({
      problem: "position is missing or negative",
    });
  });

  it("refuses what is no table", () => {
    expect(decodeTable(Buffer.from("garbage"))).toEqual({ problem: "not ModelScores" });
  });

  it("refuses more than 4 MB before it reads any of it", () => {
    expect(decodeTable(new Uint8Array(MAX_TABLE_BYTES + 1))).toEqual({
      problem: "larger than 4 MB",
    });
  });
});

describe("decodeVersion()", () => {
  it("gives back every version that encodeVersion() wrote", () => {
    fc.assert(
      fc.property(versions, (version) => {
        expect(decodeVersion(encodeVersion(version))).toEqual(version);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it.each([
    {
      name: "no sequence",
      changes: { position: { ...position, asOfSequence: -1n } },
      problem: "position is missing or negative",
    },
    {
      name: "a publisher of 257 characters",
      changes: { publisher: "p".repeat(257) },
      problem: "publisher is longer than 256 characters",
    },
    {
      name: "no hash",
      changes: { stateSha256: new Uint8Array() },
      problem: "state_sha256 has not 32 bytes",
    },
    {
      name: "a negative number of models",
      changes: { modelCount: -1 },
      problem: "model_count is negative",
    },
  ])("refuses $name", ({ changes, problem }) => {
    expect(versionProblem(changes)).toBe(problem);
  });

  it("refuses what is no version", () => {
    expect(decodeVersion(Buffer.from("garbage"))).toEqual({ problem: "not a PublishedVersion" });
  });
});
