import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  type BenchmarkScore_Benchmark,
  EndpointHealth_Breaker,
  EndpointHealth_State,
  EndpointHealthSchema,
  GetModelResponseSchema,
  Intelligence_Kind,
  IntelligenceSchema,
} from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { formatIntelligence, formatModelPage } from "../../../src/cli/format-model-page.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import { gpt4oMiniPage, llama4ScoutPage } from "./model-page-fixture.ts";

const layout = { columns: undefined, paint: createPaint(false), nowMs: 1_000_000 };

describe("formatModelPage()", () => {
  it("shows the page of a closed model with traffic, figure by figure", () => {
    expect(formatModelPage(gpt4oMiniPage(), layout)).toBe(
      `OpenAI: GPT-4o-mini  openai/gpt-4o-mini

Cheapest provider          Azure, $0.15 per 1M input tokens
Fastest by throughput p95  OpenAI, 67 tok/s
Intelligence               66.6 estimated: openai mini family base, top-16 by usage +1
Context                    128,000 tokens, 16,384 out

provider               precision       in $/1M  out $/1M  latency p50 / p95  throughput p50 / p95  uptime 30m  success
Azure (eastus)         full · unknown     0.15      0.60     2568 / 8421 ms          8 / 16 tok/s     89.82 %   93.8 %
Azure (swedencentral)  full · unknown     0.15      0.60     2568 / 8421 ms          8 / 16 tok/s     94.21 %   93.8 %
OpenAI                 full · unknown     0.15      0.60      716 / 4091 ms         28 / 67 tok/s     99.41 %   99.4 %

tier      goes to             gate    because
realtime  openai/gpt-4o-mini  native  best predicted tail
batch     —                   —       no batch worker runs
`,
    );
  });

  it("shows the page of an open model without traffic, with dashes and never zeros", () => {
    expect(formatModelPage(llama4ScoutPage(), layout)).toBe(
      `Meta: Llama 4 Scout  meta-llama/llama-4-scout

Cheapest provider          DeepInfra, $0.08 per 1M input tokens
Fastest by throughput p95  —
Intelligence               54.5 composite: MMLU-Pro 74.3, code pass@1 32.8 (LiveCodeBench), math 50.3, GPQA Diamond 57.2

provider          precision    in $/1M  out $/1M  latency p50 / p95  throughput p50 / p95  uptime 30m  success
DeepInfra         q8 · fp8        0.08      0.30                  —                     —     99.99 %        —
Groq              undisclosed     0.11      0.34                  —                     —     99.91 %        —
Novita            full · bf16     0.18      0.59                  —                     —    100.00 %        —
(name not shown)  undisclosed     0.25      0.70                  —                     —    100.00 %        —
`,
    );
  });

  it("marks simulated endpoints and says what that means", () => {
    const page = gpt4oMiniPage();
    for (const endpoint of page.endpoints.slice(0, 1)) {
      endpoint.simulated = true;
    }
    const text = formatModelPage(page, layout);
    expect(text).toContain("\nAzure (eastus) *       full · unknown");
    expect(text).toContain("\nAzure (swedencentral)  full · unknown");
    expect(text).toContain("\n* answered by the built-in simulated fleet, not by the provider\n");
  });

  it.each([
    { name: "share a region", regions: [["eastus"], ["eastus"]] },
    { name: "have one without a region", regions: [["eastus"], []] },
  ])("tells endpoints of one provider apart by their ids where they $name", ({ regions }) => {
    const page = gpt4oMiniPage();
    for (const [index, ofEndpoint] of regions.entries()) {
      Object.assign(page.endpoints[index] ?? {}, { regions: ofEndpoint });
    }
    const text = formatModelPage(page, layout);
    expect(text).toContain("\nAzure (azure/eastus/gpt-4o-mini) ");
    expect(text).toContain("\nAzure (azure/swedencentral/gpt-4o-mini) ");
    expect(text).toContain("\nOpenAI ");
  });

  it("tells endpoints of one provider apart on a narrow terminal", () => {
    const page = gpt4oMiniPage();
    for (const endpoint of page.endpoints) {
      endpoint.regions = [];
    }
    const rows = formatModelPage(page, { ...layout, columns: 40 })
      .split("\n")
      .slice(8, 10);
    expect(rows.map((row) => row.split("  ")[0])).toEqual(["Azure (azure/e…", "Azure (azure/s…"]);
  });

  it("says why an endpoint is not healthy, and when it is tried again", () => {
    const page = gpt4oMiniPage();
    const [first, second, third] = page.endpoints;
    Object.assign(first ?? {}, {
      health: create(EndpointHealthSchema, {
        state: EndpointHealth_State.UNHEALTHY,
        breaker: EndpointHealth_Breaker.OPEN,
        retryTime: timestampFromMs(1_012_000),
      }),
    });
    Object.assign(second ?? {}, {
      health: create(EndpointHealthSchema, {
        state: EndpointHealth_State.DEGRADED,
        reason: "3 of the last 10 failed",
        retryTime: timestampFromMs(1_000),
      }),
    });
    Object.assign(third ?? {}, {
      health: create(EndpointHealthSchema, { state: EndpointHealth_State.HEALTHY }),
    });
    expect(formatModelPage(page, layout).split("\n\n")[3]).toBe(
      "azure/eastus/gpt-4o-mini is unhealthy: breaker open, tried again in 12.0 s\n" +
        "azure/swedencentral/gpt-4o-mini is degraded: 3 of the last 10 failed",
    );
  });

  it("says that nothing serves a model, and when its owner withdraws it", () => {
    const page = create(GetModelResponseSchema, {
      model: {
        id: "a/b",
        contextLength: 8_192,
        deprecateTime: timestampFromMs(Date.UTC(2027, 0, 31)),
      },
    });
    expect(formatModelPage(page, layout)).toBe(
      `a/b

Cheapest provider          —
Fastest by throughput p95  —
Intelligence               —
Context                    8,192 tokens
Withdrawn by its owner     2027-01-31

No endpoint serves this model.
`,
    );
  });

  it("keeps escape sequences of a name from the terminal", () => {
    const page = create(GetModelResponseSchema, {
      model: { id: "a/b", displayName: "x\u001b[2J" },
    });
    expect(formatModelPage(page, layout).split("\n")[0]).toBe("x␛[2J  a/b");
  });
});

describe("formatIntelligence()", () => {
  it("shows a score without grounds as it is", () => {
    const intelligence = create(IntelligenceSchema, {
      kind: Intelligence_Kind.ESTIMATED,
      score: 50,
    });
    expect(formatIntelligence(intelligence)).toBe("50.0 estimated");
  });

  it("names a benchmark of a later version by its suite", () => {
    const intelligence = create(IntelligenceSchema, {
      kind: Intelligence_Kind.COMPOSITE,
      score: 50,
      // The type of an open enum admits a number of a later version only by assertion.
      benchmarks: [{ benchmark: 9 as BenchmarkScore_Benchmark, score: 12.34, suite: "ARC" }],
    });
    expect(formatIntelligence(intelligence)).toBe("50.0 composite: ARC 12.3");
  });
});
