import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf, keyOfLabels } from "../../../src/ledger/spend-key.ts";

const word = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("", "1:a", "a1:", ":"));

test("keyOf() gives different lists different keys", () => {
  fc.assert(
    fc.property(fc.array(word), fc.array(word), (left, right) => {
      expect(keyOf(left) === keyOf(right)).toBe(JSON.stringify(left) === JSON.stringify(right));
    }),
    { seed: 1, numRuns: 1_000 },
  );
});

test("keyOfLabels() does not depend on the order of labels, and tells all else apart", () => {
  const labels = fc.uniqueArray(fc.tuple(word, word), { selector: ([name]) => name });
  fc.assert(
    fc.property(labels, labels, (left, right) => {
      const reversed = Object.fromEntries([...left].reverse());
      const own = Object.fromEntries(left);
      expect(keyOfLabels(own)).toBe(keyOfLabels(reversed));
      const equal =
        left.length === right.length &&
        left.every(([name, value]) => right.some(([n, v]) => n === name && v === value));
      expect(keyOfLabels(own) === keyOfLabels(Object.fromEntries(right))).toBe(equal);
    }),
    { seed: 2, numRuns: 1_000 },
  );
});
