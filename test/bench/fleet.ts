/** A catalogue and scores of any size, as they are after some minutes of traffic. */
import type { CatalogSnapshot, Endpoint } from "../../src/domain/catalog.ts";
import type { Model } from "../../src/domain/model.ts";
import { SUCCESS } from "../../src/domain/outcome.ts";
import type { Observation } from "../../src/domain/ports.ts";
import { createScoreboard, type Scoreboard } from "../../src/score/scoreboard.ts";
import { exampleEndpoint, exampleTrace } from "../support/examples.ts";

export const START_MS = 1_800_000_000_000;
const MODEL = "acme/one";
const OUTPUT_TOKENS = 120;
const OBSERVATIONS_PER_ENDPOINT = 50;
const CATALOG_INPUT_PRICE = 150_000_000;

export type Fleet = {
  readonly catalog: CatalogSnapshot;
  readonly endpoints: readonly Endpoint[];
  readonly scoreboard: Scoreboard;
  /** Epoch milliseconds of the last observation. */
  readonly nowMs: number;
};

/** Endpoints of one model, that differ in price and pace, each with enough evidence behind it. */
export function createFleet(size: number): Fleet {
  const endpoints = Array.from({ length: size }, (_, index) => endpointAt(index));
  const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const catalog: CatalogSnapshot = {
    revision: 1,
    priceVersion: "0a1b2c3d4e5f",
    models: [model],
    model: (name) => (name === MODEL ? model : undefined),
    endpointsOf: (id) => (id === MODEL ? endpoints : []),
    endpoint: (id) => byId.get(id),
  };
  const scoreboard = createScoreboard({ random: () => 0.5 }, START_MS);
  scoreboard.retain(endpoints, START_MS);
  let nowMs = START_MS;
  for (let round = 0; round < OBSERVATIONS_PER_ENDPOINT; round += 1) {
    for (const [index, endpoint] of endpoints.entries()) {
      nowMs = START_MS + round * 1_000 + index / size;
      scoreboard.tryStart(endpoint, { nowMs, force: true });
      scoreboard.record(observationOf(endpoint, nowMs, index + round));
    }
  }
  return { catalog, endpoints, scoreboard, nowMs };
}

function endpointAt(index: number): Endpoint {
  const base = exampleEndpoint(`provider-${index}/one`);
  return exampleEndpoint(base.id, {
    pricing: { ...base.pricing, inputPerMtok: CATALOG_INPUT_PRICE + (index % 17) * 3_000_000 },
  });
}

/** A streamed answer of 120 tokens that ends at `endedAtMs`. */
export function observationOf(endpoint: Endpoint, endedAtMs: number, spread: number): Observation {
  const firstTokenMs = 200 + (spread % 23) * 10;
  const generationMs = 1_000 + (spread % 13) * 100;
  return {
    trace: exampleTrace(),
    callId: "00000000-0000-4000-8000-000000000001",
    attempt: {
      number: 1,
      endpoint,
      startedAtMs: endedAtMs - firstTokenMs - generationMs,
      durationMs: firstTokenMs + generationMs,
      firstTokenMs,
      outcome: SUCCESS,
      httpStatus: 200,
      upstreamRequestId: undefined,
      droppedParameters: [],
      streamed: true,
      upstreamModel: "",
    },
    endedAtMs,
    streamed: true,
    generationMs,
    generatedTokens: OUTPUT_TOKENS,
    usage: {
      freshInput: 100,
      cacheRead: 0,
      cacheWrite: 0,
      visibleOutput: OUTPUT_TOKENS,
      reasoningOutput: 0,
      source: "provider",
    },
  };
}

const model: Model = {
  id: MODEL,
  displayName: "Acme: One",
  family: "one",
  aliases: [],
  contextLength: 128_000,
  maxOutputTokens: 16_384,
  inputModalities: ["text"],
  outputModalities: ["text"],
  openWeights: true,
  nativeQuantization: "bf16",
  supportsTools: true,
  supportsStructuredOutput: true,
  supportsReasoning: false,
  releaseDate: undefined,
  deprecationDate: undefined,
  popularityRank: undefined,
  intelligence: undefined,
  provenance: { source: "test/bench", date: "2026-11-01" },
};
