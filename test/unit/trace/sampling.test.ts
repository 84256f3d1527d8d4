import { describe, expect, test } from "vitest";
import { samplingOf } from "../../../src/trace/sampling.ts";

const configured = () => 0.1;

describe("samplingOf()", () => {
  test.each([
    { sampler: undefined, argument: undefined, ratio: 0.1, followsParent: true },
    { sampler: "", argument: "0.7", ratio: 0.1, followsParent: true },
    { sampler: "always_on", argument: undefined, ratio: 1, followsParent: false },
    { sampler: " always_off ", argument: undefined, ratio: 0, followsParent: false },
    { sampler: "traceidratio", argument: "0.25", ratio: 0.25, followsParent: false },
    { sampler: "traceidratio", argument: " 0 ", ratio: 0, followsParent: false },
    { sampler: "parentbased_always_on", argument: undefined, ratio: 1, followsParent: true },
    { sampler: "parentbased_always_off", argument: "1", ratio: 0, followsParent: true },
    { sampler: "parentbased_traceidratio", argument: "1", ratio: 1, followsParent: true },
    { sampler: "parentbased_traceidratio", argument: undefined, ratio: 1, followsParent: true },
    { sampler: "parentbased_traceidratio", argument: " ", ratio: 1, followsParent: true },
  ])("$sampler with $argument", ({ sampler, argument, ratio, followsParent }) => {
    const sampling = samplingOf(
      { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument },
      configured,
    );
    expect(sampling).toMatchObject({ followsParent, problem: undefined });
    expect(sampling.ratio()).toBe(ratio);
  });

  test.each(["2", "-0.1", "a tenth", "NaN"])("the argument %s is told and not used", (argument) => {
    const sampling = samplingOf(
      { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: argument },
      configured,
    );
    expect(sampling.problem).toContain("OTEL_TRACES_SAMPLER_ARG");
    expect(sampling.ratio()).toBe(1);
  });

  test("a sampler that is not known is told and ignored", () => {
    const sampling = samplingOf({ OTEL_TRACES_SAMPLER: "jaeger_remote" }, configured);
    expect(sampling.problem).toContain("OTEL_TRACES_SAMPLER");
    expect(sampling.followsParent).toBe(true);
    expect(sampling.ratio()).toBe(0.1);
  });
});
