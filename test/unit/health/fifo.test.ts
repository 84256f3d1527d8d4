import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFifo } from "../../../src/health/fifo.ts";

describe("createFifo()", () => {
  it("hands out in the order of arrival, as an array does", () => {
    const steps = fc.array(fc.boolean(), { size: "large", maxLength: 2_000 });
    fc.assert(
      fc.property(steps, (pushes) => {
        const fifo = createFifo<number>();
        const model: number[] = [];
        for (const [index, isPush] of pushes.entries()) {
          const isGiven = isPush || index % 5 < 2;
          const step = isGiven
            ? () => expect(model.push(index)).toBe(fifo.push(index) ?? model.length)
            : () => expect(fifo.shift()).toBe(model.shift());
          step();
        }
        for (const item of model) {
          expect(fifo.shift()).toBe(item);
        }
        expect(fifo.shift()).toBeUndefined();
      }),
      { seed: 7, numRuns: 50 },
    );
  });

  it("keeps the order over the places it frees", () => {
    const fifo = createFifo<number>();
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    numbers.forEach(fifo.push);
    expect(numbers.map(() => fifo.shift())).toEqual(numbers);
    expect(fifo.shift()).toBeUndefined();
  });
});
