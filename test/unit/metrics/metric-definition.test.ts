import { describe, expect, test } from "vitest";
import { prometheusNameOf, prometheusUnitOf } from "../../../src/metrics/metric-definition.ts";

describe("prometheusNameOf()", () => {
  test.each([
    {
      name: "gen_ai.client.operation.duration",
      unit: "s",
      written: "gen_ai_client_operation_duration_seconds",
    },
    { name: "process.memory.usage", unit: "By", written: "process_memory_usage_bytes" },
    { name: "atlas.spend", unit: "USD", written: "atlas_spend_usd" },
    { name: "atlas.plans", unit: "{plan}", written: "atlas_plans" },
    { name: "atlas.wait.seconds", unit: "s", written: "atlas_wait_seconds" },
  ])("writes $name in $unit as $written", ({ name, unit, written }) => {
    expect(prometheusNameOf({ name, unit })).toBe(written);
  });
});

describe("prometheusUnitOf()", () => {
  test("is what the name ends with, and empty for what is counted", () => {
    expect(prometheusUnitOf("s")).toBe("seconds");
    expect(prometheusUnitOf("{plan}")).toBe("");
  });
});
