import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createInstrument } from "../../../src/metrics/instrument.ts";
import { metricTable } from "../../../src/metrics/metric-table.ts";
import { createNumberSeries } from "../../../src/metrics/series.ts";

function start(maxSeries = 100) {
  const known = new Set(["acme/one", "acme/eu/one"]);
  let overflows = 0;
  const instrument = createInstrument({
    definition: metricTable.spend,
    create: (labels) => createNumberSeries(labels, 0),
    has: (_, value) => known.has(value),
    maxSeries,
    onOverflow() {
      overflows += 1;
    },
  });
  const shown = () => [...instrument.series()].map(({ labels }) => labels.join(" "));
  return { instrument, known, shown, overflows: () => overflows };
}

describe("createInstrument()", () => {
  test("hands out the same series for the same values", () => {
    const { instrument, shown } = start();
    const series = instrument.of("acme/one", "acme/eu/one", "standard");
    expect(instrument.of("acme/one", "acme/eu/one", "standard")).toBe(series);
    expect(shown()).toEqual(["acme/one acme/eu/one standard"]);
  });

  test("puts another value in place of one that the label does not have", () => {
    const { instrument, shown } = start();
    const series = instrument.of("evil", "acme/eu/one", "free");
    expect(instrument.of("worse", "acme/eu/one", "gratis")).toBe(series);
    expect(shown()).toEqual(["_other acme/eu/one _other"]);
  });

  test("leaves a label out whose value is empty or missing", () => {
    const { instrument } = start();
    expect(instrument.of("acme/one", "").labels).toEqual(["acme/one", "", ""]);
  });

  test("uses the label's own word for another value", () => {
    const instrument = createInstrument({
      definition: metricTable.rpcDuration,
      create: (labels) => createNumberSeries(labels, 0),
      has: () => false,
      maxSeries: 10,
      onOverflow: () => undefined,
    });
    expect(instrument.of("grpc", "any", "OK", "").labels).toEqual(["grpc", "_OTHER", "OK", ""]);
  });

  test("counts what finds no place in one series, and tells of each", () => {
    const { instrument, shown, overflows } = start(2);
    instrument.of("acme/one", "acme/eu/one", "standard");
    const rest = instrument.of("acme/one", "acme/eu/one", "realtime");
    expect(instrument.of("acme/one", "", "realtime")).toBe(rest);
    expect(rest.labels).toEqual(["_overflow", "_overflow", "_overflow"]);
    expect(shown()).toHaveLength(2);
    expect(overflows()).toBe(2);
  });

  test("never has more series than its labels have combinations, whatever it is asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { maxLength: 4 })), (asked) => {
        const { instrument, shown } = start();
        for (const values of asked) {
          instrument.of(...values);
        }
        expect(shown().length).toBeLessThanOrEqual(3 * 3 * 4);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  test("goes on with what left the catalogue until it is swept away", () => {
    const { instrument, known, shown } = start();
    const series = instrument.of("acme/one", "acme/eu/one", "standard");
    known.delete("acme/eu/one");
    expect(instrument.sweep(1_000, 500)).toBe(false);
    expect(instrument.of("acme/one", "acme/eu/one", "standard")).toBe(series);
    expect(instrument.sweep(1_499, 500)).toBe(false);
    expect(instrument.sweep(1_500, 500)).toBe(true);
    expect(shown()).toEqual([]);
    expect(instrument.of("acme/one", "acme/eu/one", "standard").labels[1]).toBe("_other");
  });

  test("keeps what came back in time", () => {
    const { instrument, known, shown } = start();
    instrument.of("acme/one", "acme/eu/one", "standard");
    known.delete("acme/eu/one");
    instrument.sweep(1_000, 500);
    known.add("acme/eu/one");
    instrument.sweep(1_400, 500);
    known.delete("acme/eu/one");
    expect(instrument.sweep(1_600, 500)).toBe(false);
    expect(shown()).toHaveLength(1);
  });
});
