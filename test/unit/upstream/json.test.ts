import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrayText, countOf, isJsonObjectText, withMember } from "../../../src/upstream/json.ts";

describe("withMember()", () => {
  it("equals a member that is set", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.jsonValue(),
        (object, name, value) => {
          const others = Object.fromEntries(
            Object.entries(object).filter(([other]) => other !== name),
          );
          const text = withMember(JSON.stringify(others), name, JSON.stringify(value));
          const expected = new Map(Object.entries(JSON.parse(JSON.stringify({ ...others }))));
          expected.set(name, JSON.parse(JSON.stringify(value)));
          expect(new Map(Object.entries(JSON.parse(text)))).toEqual(expected);
        },
      ),
      { seed: 8 },
    );
  });
});

describe("arrayText()", () => {
  it("holds the items", () => {
    expect([arrayText([]), arrayText(["1", "{}"])]).toEqual(["[]", "[1,{}]"]);
  });
});

describe("isJsonObjectText()", () => {
  it.each([
    ["{}", true],
    [' {"a":1} ', true],
    ["[]", false],
    ["null", false],
    ["{", false],
    ["", false],
  ])("of %j is %s", (text, is) => {
    expect(isJsonObjectText(text)).toBe(is);
  });
});

describe("countOf()", () => {
  it.each([
    [3, 3],
    [3.7, 3],
    [-2, 0],
    [Infinity, Number.MAX_SAFE_INTEGER],
    [Number.NaN, undefined],
    ["3", undefined],
    [null, undefined],
  ])("of %j is %s", (value, count) => {
    expect(countOf(value)).toBe(count);
  });
});
