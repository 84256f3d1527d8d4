import { z } from "zod";
import { decimalNumber, wholeNumber } from "../decode/fields.ts";
import { defaults } from "./defaults.ts";

/** The part of the configuration file about what can be seen of the router from outside. */

const { traces, calls, spend } = defaults;

const pattern = z.string().min(1).refine(isPattern, "must be a regular expression");

/** As they are used: on whole characters, letters in either case. */
function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "giu").flags !== "";
  } catch {
    return false;
  }
}

const tracesSchema = z
  .strictObject({
    mode: z
      .enum(["auto", "off"])
      .default("auto")
      .describe(
        "auto: spans are exported as the OTEL_* variables of the environment say, and without an address or exporter in them not at all.",
      ),
    ratio: decimalNumber(0, 1)
      .default(traces.ratio)
      .describe(
        "Part of the traces that begin here which is exported; OTEL_TRACES_SAMPLER overrides it.",
      ),
    slowMs: wholeNumber(1, 3_600_000)
      .default(traces.slowMs)
      .describe(
        "Calls that take longer are exported whatever the ratio, as failed and switched ones are.",
      ),
    keptPerSecond: wholeNumber(0, 10_000)
      .default(traces.keptPerSecond)
      .describe("Most calls a second that are exported although the ratio left them out."),
    content: z
      .boolean()
      .default(false)
      .describe("True: prompts, answers and tools are written into the spans."),
    redact: z
      .array(pattern)
      .default([])
      .describe(
        "Regular expressions, letters in either case; what they match in prompts, answers and tools is masked.",
      ),
  })
  .prefault({});

export const telemetrySchema = z
  .strictObject({
    traces: tracesSchema,
    metrics: z
      .strictObject({
        enabled: z
          .boolean()
          .default(true)
          .describe("False: nothing is counted, and /metrics is not there."),
      })
      .prefault({}),
    calls: z
      .strictObject({
        recent: wholeNumber(0, 100_000)
          .default(calls.recent)
          .describe("Calls that atlas trace can look back on, without their texts; 0: none."),
      })
      .prefault({}),
    spend: z
      .strictObject({
        hours: wholeNumber(0, 744)
          .default(spend.hours)
          .describe("Hours that atlas spend can look back on; 0: nothing is summed up."),
        seriesPerHour: wholeNumber(1, 1_000_000)
          .default(spend.seriesPerHour)
          .describe(
            "Most different combinations of labels, operation, model, endpoint and tier an hour; the rest is summed up as one.",
          ),
      })
      .prefault({}),
  })
  .prefault({});
