import { resourceFromAttributes } from "@opentelemetry/resources";
import { describe, expect, test } from "vitest";
import { createSpanPacking, type PackedSpan } from "../../../src/telemetry/packed-spans.ts";
import { exampleSpan } from "../../support/example-span.ts";

const resource = resourceFromAttributes({});

/** A span whose one attribute has that many bytes. */
function spanOf(bytes: number) {
  return exampleSpan({ attributes: [{ key: "text", value: "x".repeat(bytes) }] });
}

function start() {
  const { pack, split } = createSpanPacking(resource);
  return {
    // What `pack` makes is what the serializer is handed.
    packAll: (sizes: readonly number[]) => sizes.map((bytes) => pack(spanOf(bytes)) as PackedSpan),
    split,
  };
}

const sizeOf = ({ start: from, end }: PackedSpan) => end - from;
const bytesOf = ({ chunk, start: from, end }: PackedSpan) => chunk.subarray(from, end);
const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0);

describe("what waits for an export", () => {
  test("is what the processor asks for", () => {
    const [span] = start().packAll([1]);
    expect(span?.spanContext().traceFlags).toBe(1);
    expect(span?.resource).toBe(resource);
  });

  test("is not changed by what is told later", () => {
    const { packAll } = start();
    const [first, large] = packAll([10, 20_000]) as [PackedSpan, PackedSpan];
    const before = [first, large].map((span) => Buffer.from(bytesOf(span)));
    packAll([20_000, 10, 2_000, 70_000, 10]);
    expect([first, large].map(bytesOf)).toEqual(before);
  });

  test("takes little more memory than its bytes", () => {
    const sizes = Array.from({ length: 2_048 }, (_, at) => (at * 7_919) % 10_000);
    const spans = start().packAll(sizes);
    const chunks = [...new Set(spans.map(({ chunk }) => chunk.buffer))];
    const held = sumOf(chunks.map(({ byteLength }) => byteLength));
    expect(held).toBeLessThan(1.2 * sumOf(spans.map(sizeOf)));
  });
});

describe("a batch", () => {
  test("is one export when it is as small as batches are", () => {
    const { packAll, split } = start();
    const spans = packAll(Array.from({ length: 512 }, () => 1_000));
    expect(split(spans)).toEqual([spans]);
  });

  test("is several when prompts make it large, each of at most 1 MiB", () => {
    const { packAll, split } = start();
    const spans = packAll(Array.from({ length: 100 }, (_, at) => 1_000 * (at % 60)));
    const pieces = split(spans) as PackedSpan[][];
    expect(pieces.flat()).toEqual(spans);
    expect(pieces.length).toBeGreaterThan(2);
    const sizes = pieces.map((piece) => sumOf(piece.map(sizeOf)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_048_576);
  });

  test("holds a span alone that is larger than that", () => {
    const { packAll, split } = start();
    const pieces = split(packAll([2_000_000, 1, 2_000_000, 1, 1]));
    expect(pieces.map(({ length }) => length)).toEqual([1, 1, 1, 2]);
  });
});
