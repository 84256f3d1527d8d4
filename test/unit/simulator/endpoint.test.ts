import { describe, expect, test } from "vitest";
import { createEndpoint } from "../../../src/simulator/endpoint.ts";

const NOW_MS = 1_800_000_000_000;

describe("createEndpoint()", () => {
  test("forgets everything that requests left behind when it is reset", () => {
    const endpoint = createEndpoint(
      { id: "a", provider: "p", dialect: "openai-chat", upstreamModel: "m", profile: {} },
      1,
    );
    const untouched = { profile: endpoint.profile(), stats: endpoint.stats.read() };
    const rates = endpoint.rates.read(NOW_MS);
    const prompt = [{ key: "k", tokens: 2_048, breakpoint: true }];
    const uncached = endpoint.cache.take(prompt);
    endpoint.configure({ requestsPerMinute: 1 });
    endpoint.stats.begin().end(undefined);
    endpoint.rates.add(10, NOW_MS);
    endpoint.reset();
    expect({ profile: endpoint.profile(), stats: endpoint.stats.read() }).toEqual(untouched);
    expect(endpoint.rates.read(NOW_MS)).toEqual(rates);
    expect(endpoint.cache.take(prompt)).toEqual(uncached);
  });
});
