import type { BeginTraceOptions } from "./begin-trace.ts";

/** The standard variables that say which traces are exported. */
export type SamplerEnv = {
  readonly OTEL_TRACES_SAMPLER?: string | undefined;
  readonly OTEL_TRACES_SAMPLER_ARG?: string | undefined;
};

export type Sampling = Pick<BeginTraceOptions, "ratio" | "followsParent"> & {
  /** What is wrong with the variables, for the log; absent when nothing is. */
  readonly problem: string | undefined;
};

/**
 * Which traces are exported: by `OTEL_TRACES_SAMPLER`, or else those of a sampled caller and the
 * configured part of the rest. A value that is none is told and treated as absent, as the specification
 * wants it. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function samplingOf(
  { OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: SamplerEnv,
  configured: () => number,
): Sampling {
  const ratioOfArgument = () => ratioOf(OTEL_TRACES_SAMPLER_ARG);
  const name = OTEL_TRACES_SAMPLER?.trim() ?? "";
  switch (name) {
    case "always_on":
      return { ratio: () => 1, followsParent: false, problem: undefined };
    case "always_off":
      return { ratio: () => 0, followsParent: false, problem: undefined };
    case "traceidratio":
      return { ...ratioOfArgument(), followsParent: false };
    case "parentbased_always_on":
      return { ratio: () => 1, followsParent: true, problem: undefined };
    case "parentbased_always_off":
      return { ratio: () => 0, followsParent: true, problem: undefined };
    case "parentbased_traceidratio":
      return { ...ratioOfArgument(), followsParent: true };
    default:
      return {
        ratio: configured,
        followsParent: true,
        problem:
          name === "" ? undefined : "OTEL_TRACES_SAMPLER names no sampler that is known: ignored",
      };
  }
}

/** Without a usable argument everything is sampled: the default of the specification. */
function ratioOf(argument = ""): Pick<Sampling, "ratio" | "problem"> {
  const ratio = argument.trim() === "" ? 1 : Number(argument);
  return ratio >= 0 && ratio <= 1
    ? { ratio: () => ratio, problem: undefined }
    : { ratio: () => 1, problem: "OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1: 1 is used" };
}
