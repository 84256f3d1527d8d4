import { describe, expect, test } from "vitest";
import {
  endpointMetrics,
  fleetMetrics,
  processMetrics,
} from "../../../src/metrics/state-metrics.ts";

describe("metrics of states", () => {
  test("endpoints are told with their model", () => {
    expect(endpointMetrics.breaker.labels).toEqual(["model", "endpoint"]);
  });

  test("those of our own without labels have none", () => {
    expect(fleetMetrics.scorerLag.labels).toEqual([]);
    expect(processMetrics.overflows.labels).toEqual([]);
  });
});
