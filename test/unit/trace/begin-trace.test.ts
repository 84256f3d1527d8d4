import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spanIdAt, traceparentOf } from "../../../src/domain/trace.ts";
import { type BeginTraceOptions, createBeginTrace } from "../../../src/trace/begin-trace.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const VALID = `00-${TRACE}-${SPAN}-01`;

function beginTrace(options: Partial<BeginTraceOptions> = {}) {
  return createBeginTrace({ random: () => 0.5, ratio: () => 0, followsParent: true, ...options });
}

/** Uniform enough, and the same in every run. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

describe("a caller's trace", () => {
  test.each([
    { name: "a sampled one", traceparent: VALID, sampled: true },
    { name: "one that is not sampled", traceparent: `00-${TRACE}-${SPAN}-00`, sampled: false },
    { name: "flags that nobody knows", traceparent: `00-${TRACE}-${SPAN}-ff`, sampled: true },
    {
      name: "unknown flags without the known one",
      traceparent: `00-${TRACE}-${SPAN}-fe`,
      sampled: false,
    },
    { name: "a later version", traceparent: `cc-${TRACE}-${SPAN}-01`, sampled: true },
    {
      name: "a later version with more",
      traceparent: `cc-${TRACE}-${SPAN}-01-what-ever`,
      sampled: true,
    },
    {
      name: "a later version that ends in a dash",
      traceparent: `01-${TRACE}-${SPAN}-00-`,
      sampled: false,
    },
  ])("is continued: $name", ({ traceparent, sampled }) => {
    const trace = beginTrace({ ratio: () => 0.5 })(traceparent, undefined);
    expect(trace).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, sampled, keep: sampled });
  });

  test.each([
    { name: "an empty one", traceparent: "" },
    { name: "no version", traceparent: `${TRACE}-${SPAN}-01` },
    { name: "the forbidden version", traceparent: `ff-${TRACE}-${SPAN}-01` },
    { name: "a version of one digit", traceparent: `0-${TRACE}-${SPAN}-01` },
    { name: "more behind version 00", traceparent: `${VALID}-00` },
    { name: "a dash behind version 00", traceparent: `${VALID}-` },
    { name: "more without a dash", traceparent: `cc-${TRACE}-${SPAN}-01.what` },
    { name: "a trace of zeros", traceparent: `00-${"0".repeat(32)}-${SPAN}-01` },
    { name: "a span of zeros", traceparent: `00-${TRACE}-${"0".repeat(16)}-01` },
    { name: "capital letters", traceparent: VALID.toUpperCase() },
    { name: "letters that are no digits", traceparent: VALID.replace("a", "g") },
    { name: "a short trace", traceparent: `00-${TRACE.slice(1)}-${SPAN}-01` },
    { name: "a long span", traceparent: `00-${TRACE}-${SPAN}0-01` },
    { name: "no flags", traceparent: `00-${TRACE}-${SPAN}` },
    { name: "flags of one digit", traceparent: `00-${TRACE}-${SPAN}-1` },
    { name: "spaces around it", traceparent: ` ${VALID} ` },
    { name: "two in one", traceparent: `${VALID}, ${VALID}` },
    { name: "a line break in its rest", traceparent: `cc-${TRACE}-${SPAN}-01-a\nb` },
    { name: "64 KB of it", traceparent: VALID.repeat(1_200) },
  ])("is not continued: $name", ({ traceparent }) => {
    const trace = beginTrace()(traceparent, "vendor=state");
    expect(trace.parentSpanId).toBeUndefined();
    expect(trace.traceId).not.toBe(TRACE);
    expect(trace).toMatchObject({ traceState: "", sampled: false, keep: false });
  });

  test("is sampled anew where the caller is not followed", () => {
    const deaf = beginTrace({ followsParent: false, ratio: () => 1 });
    expect(deaf(`00-${TRACE}-${SPAN}-00`, undefined)).toMatchObject({
      traceId: TRACE,
      sampled: true,
    });
    const mute = beginTrace({ followsParent: false, ratio: () => 0 });
    expect(mute(VALID, undefined)).toMatchObject({ traceId: TRACE, sampled: false });
  });
});

describe("a ratio", () => {
  test("decides by the trace, so that others who decide by it agree", () => {
    const half = beginTrace({ followsParent: false, ratio: () => 0.5 });
    const sampled = (end: string) =>
      half(`00-${"1".repeat(24)}${end}-${SPAN}-01`, undefined).sampled;
    expect(["00000000", "7fffffff", "80000000", "ffffffff"].map(sampled)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("keeps nothing where nobody takes spans", () => {
    const idle = beginTrace({ keeps: false });
    expect(idle(VALID, undefined)).toMatchObject({ sampled: true, keep: false });
  });
});

describe("where nobody takes spans, whoever is called", () => {
  const told = (traceparent: string | undefined) => {
    const trace = beginTrace({ keeps: false })(traceparent, "rojo=1");
    return [traceparentOf(trace, 3), trace.traceState];
  };

  test.each([
    { name: "as it is", traceparent: VALID, passedOn: VALID },
    {
      name: "with flags that we do not know",
      traceparent: `00-${TRACE}-${SPAN}-02`,
      passedOn: `00-${TRACE}-${SPAN}-02`,
    },
    {
      name: "without what a later version may add",
      traceparent: `cc-${TRACE}-${SPAN}-03-ä`,
      passedOn: VALID,
    },
    {
      name: "of a later version, not sampled",
      traceparent: `cc-${TRACE}-${SPAN}-02`,
      passedOn: `00-${TRACE}-${SPAN}-00`,
    },
  ])("is told the caller's span $name", ({ traceparent, passedOn }) => {
    expect(told(traceparent)).toEqual([passedOn, "rojo=1"]);
  });

  test.each([undefined, "what"])("is told of a trace that begins here after %s", (traceparent) => {
    const [own, state] = told(traceparent);
    expect(own).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
    expect(state).toBe("");
  });

  test("is told our span where somebody does", () => {
    const trace = beginTrace()(VALID, undefined);
    expect(traceparentOf(trace, 3)).toBe(`00-${TRACE}-${spanIdAt(trace, 3)}-01`);
  });
});

describe("tracestate", () => {
  const stateOf = (state: string | undefined) => beginTrace()(VALID, state).traceState;

  test("is passed on as it is up to 512 characters", () => {
    expect(stateOf("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")).toBe(
      "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    );
    expect(stateOf(`a=${"x".repeat(510)}`)).toHaveLength(512);
    expect(stateOf(undefined)).toBe("");
  });

  test.each([
    { name: "513 characters", state: `a=${"x".repeat(511)}` },
    { name: "8 KB", state: Array.from({ length: 800 }, (_, at) => `k${at}=value`).join(",") },
    { name: "a character that HTTP cannot carry", state: "a=ä" },
    { name: "a line break", state: "a=1\r\nx-evil: 1" },
  ])("is dropped whole: $name", ({ state }) => {
    expect(stateOf(state)).toBe("");
  });
});

describe("a trace that begins here", () => {
  test("is sampled by the ratio, which is read anew", () => {
    let ratio = 0;
    const begin = beginTrace({ random: () => 0.4, ratio: () => ratio });
    expect(begin(undefined, undefined).sampled).toBe(false);
    ratio = 0.41;
    expect(begin(undefined, undefined).sampled).toBe(true);
  });

  test("is sampled as often as the ratio says", () => {
    const begin = beginTrace({ random: seeded(), ratio: () => 0.1 });
    const sampled = Array.from({ length: 20_000 }, () => begin(undefined, undefined)).filter(
      (trace) => trace.sampled,
    );
    expect(sampled.length / 20_000).toBeCloseTo(0.1, 2);
  });

  test("has an id of its own", () => {
    const begin = beginTrace({ random: seeded() });
    const ids = Array.from({ length: 2_000 }, () => begin(undefined, undefined).traceId);
    expect(new Set(ids).size).toBe(2_000);
  });

  test.each([0, 1 - 2 ** -53])("has valid ids when chance is %d", (chance) => {
    const trace = beginTrace({ random: () => chance })(undefined, undefined);
    expect(trace.traceId).toMatch(/^[\da-f]{32}$/);
    expect(trace.traceId).not.toBe("0".repeat(32));
    expect(trace.spanPrefix).toMatch(/^[\da-f]{15}$/);
    expect(trace.spanPrefix).not.toBe("0".repeat(15));
  });
});

test("whatever is sent, what is passed on is a valid traceparent", () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.constant(VALID),
    fc.string({ unit: "binary", maxLength: 80 }),
  );
  fc.assert(
    fc.property(hostile, hostile, (traceparent, tracestate) => {
      const trace = beginTrace({ random: seeded() })(traceparent, tracestate);
      const told = traceparentOf(trace, 0);
      const continued = beginTrace()(told, trace.traceState);
      expect(continued).toMatchObject({
        traceId: trace.traceId,
        parentSpanId: spanIdAt(trace, 0),
        traceState: trace.traceState,
      });
    }),
    { seed: 4, numRuns: 100 },
  );
});
