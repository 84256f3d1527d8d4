import { describe, expect, test } from "vitest";
import { expositionFor } from "../../../src/metrics/negotiate.ts";

/** What Prometheus 2.42 sends. */
const SCRAPER =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

describe("expositionFor()", () => {
  test.each([
    { name: "Prometheus", accept: SCRAPER, format: "openmetrics" },
    {
      name: "an old Prometheus",
      accept: "text/plain;version=0.0.4;q=1,*/*;q=0.1",
      format: "prometheus",
    },
    {
      name: "a browser",
      accept: "text/html,application/xml;q=0.9,*/*;q=0.8",
      format: "prometheus",
    },
    { name: "curl", accept: "*/*", format: "prometheus" },
    { name: "nobody in particular", accept: undefined, format: "prometheus" },
    {
      name: "who likes the older one better",
      accept: "application/openmetrics-text; q=0.2, text/plain; q=0.9",
      format: "prometheus",
    },
    {
      name: "who refuses OpenMetrics",
      accept: "application/openmetrics-text;q=0",
      format: "prometheus",
    },
    { name: "who shouts", accept: "APPLICATION/OPENMETRICS-TEXT", format: "openmetrics" },
    {
      name: "who counts beyond one",
      accept: "application/openmetrics-text;q=1.9",
      format: "openmetrics",
    },
    { name: "who writes nonsense", accept: ";;q=x,,/", format: "prometheus" },
  ])("gives $name $format", ({ accept, format }) => {
    expect(expositionFor(accept)).toBe(format);
  });
});
