import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import { type EndpointId, isNative, precisionOf } from "../domain/endpoint.ts";
import type { BenchmarkScore, Intelligence, Model } from "../domain/model.ts";
import type { Pricing } from "../domain/money.ts";
import type { EndpointEntry, ModelEntry, ProviderEntry } from "./catalog-schema.ts";
import { parametersOfEndpoint } from "./endpoint-parameters.ts";
import {
  compositeOf,
  estimateCeiling,
  estimatedIntelligence,
  measuredIntelligence,
} from "./intelligence.ts";
import type { MergedCatalog } from "./merge-catalog.ts";
import { priceVersionOf, type Sha256 } from "./price-version.ts";
import { provenanceOf, provenanceWith } from "./provenance.ts";
import { accountKey } from "./provider-connection.ts";

export type BuildOptions = {
  /** Higher than that of every snapshot built before. */
  readonly revision: number;
  readonly sha256: Sha256;
  /** How an account, by its key, is reached at this moment. */
  access(account: string): AccountAccess;
};

export type AccountAccess = {
  /** False: its endpoints are listed and take no calls. */
  readonly enabled: boolean;
  /** Answered by the built-in fleet. */
  readonly simulated: boolean;
};

/** The frozen catalogue of a checked merge. Lookups cost the same at any size. */
export function buildCatalog(catalog: MergedCatalog, options: BuildOptions): CatalogSnapshot {
  const endpoints = buildEndpoints(catalog, options);
  const byModel = Map.groupBy(endpoints, ({ model }) => model);
  const models = buildModels(catalog.models, byModel);
  const byName = new Map<string, Model>();
  for (const model of models) {
    for (const name of [model.id, ...model.aliases]) {
      byName.set(name.toLowerCase(), model);
    }
  }
  const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const none: readonly Endpoint[] = Object.freeze([]);
  for (const group of byModel.values()) {
    Object.freeze(group);
  }
  return Object.freeze({
    revision: options.revision,
    priceVersion: priceVersionOf(endpoints, options.sha256),
    models: Object.freeze(models),
    model: (idOrAlias: string) => byName.get(idOrAlias) ?? byName.get(idOrAlias.toLowerCase()),
    endpointsOf: (modelId: string) => byModel.get(modelId) ?? none,
    endpoint: (id: EndpointId) => byId.get(id),
  });
}

/** Sorted by id, which groups keep. */
function buildEndpoints(catalog: MergedCatalog, options: BuildOptions): readonly Endpoint[] {
  const { endpoints, models, providers } = catalog;
  return sortedById(endpoints).flatMap(([id, endpoint]) => {
    const model = models.get(endpoint.model);
    const provider = providers.get(endpoint.provider);
    return model === undefined || provider === undefined
      ? []
      : [buildEndpoint(id, { endpoint, model, provider }, options)];
  });
}

type Entries = {
  readonly endpoint: EndpointEntry;
  readonly model: ModelEntry;
  readonly provider: ProviderEntry;
};

function buildEndpoint(id: string, entries: Entries, { access }: BuildOptions): Endpoint {
  const { endpoint, model, provider } = entries;
  const { dialect } = provider;
  const account = accountKey(endpoint.provider, endpoint.account);
  const { enabled, simulated } = access(account);
  // An open model's provider that says nothing has said nothing; a closed model has only one format.
  const quantization = endpoint.quantization ?? (model.openWeights ? "undisclosed" : "unknown");
  const contextLength = endpoint.contextLength ?? model.contextLength;
  return Object.freeze({
    // The catalogue is where endpoint ids come from.
    id: id as EndpointId,
    model: endpoint.model,
    provider: Object.freeze({
      id: endpoint.provider,
      displayName: provider.displayName ?? endpoint.provider,
    }),
    account,
    dialect,
    upstreamModel: endpoint.upstreamModel,
    quantization,
    precision: precisionOf(quantization),
    native: isNative(quantization, nativeQuantizationOf(model)),
    contextLength,
    maxOutputTokens: Math.min(
      endpoint.maxOutputTokens ?? model.maxOutputTokens ?? contextLength,
      contextLength,
    ),
    inputModalities: new Set(endpoint.inputModalities ?? model.inputModalities),
    pricing: pricingOf(endpoint.price),
    parameters: parametersOfEndpoint({ dialect, ...entries }),
    regions: Object.freeze([...endpoint.regions]),
    zeroDataRetention: endpoint.zeroDataRetention,
    supportsBatch: endpoint.supportsBatch,
    spot: endpoint.spot,
    maxConcurrency: endpoint.maxConcurrency,
    enabled: endpoint.enabled && enabled,
    simulated,
    provenance: provenanceWith(endpoint, "price", endpoint.price),
  });
}

function pricingOf(price: EndpointEntry["price"]): Pricing {
  return Object.freeze({
    inputPerMtok: price?.input,
    outputPerMtok: price?.output,
    cacheReadPerMtok: price?.cacheRead,
    cacheWritePerMtok: price?.cacheWrite,
    reasoningPerMtok: price?.reasoning,
    perRequest: price?.perRequest,
    perImage: price?.perImage,
    batchDiscountPercent: price?.batchDiscountPercent,
    tiers: Object.freeze(
      (price?.tiers ?? []).map(({ minInputTokens, input, output, cacheRead, cacheWrite }) =>
        Object.freeze({
          minInputTokens,
          inputPerMtok: input,
          outputPerMtok: output,
          cacheReadPerMtok: cacheRead,
          cacheWritePerMtok: cacheWrite,
        }),
      ),
    ),
  });
}

function buildModels(
  models: MergedCatalog["models"],
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
): readonly Model[] {
  const frontier = [...models.values()].filter((model) => model.frontier);
  const ceiling = estimateCeiling(
    frontier.flatMap((model) => compositeOf(benchmarksOf(model)) ?? []),
  );
  return sortedById(models).map(([id, model]) =>
    buildModel(id, model, intelligenceOf(model, endpoints.get(id) ?? [], ceiling)),
  );
}

function buildModel(id: string, model: ModelEntry, intelligence: Intelligence | undefined): Model {
  return Object.freeze({
    id,
    displayName: model.displayName ?? id,
    family: model.family,
    aliases: Object.freeze([...model.aliases]),
    contextLength: model.contextLength,
    maxOutputTokens: model.maxOutputTokens ?? model.contextLength,
    inputModalities: Object.freeze([...model.inputModalities]),
    outputModalities: Object.freeze([...model.outputModalities]),
    openWeights: model.openWeights,
    nativeQuantization: nativeQuantizationOf(model),
    supportsTools: model.supportsTools,
    supportsStructuredOutput: model.supportsStructuredOutput,
    supportsReasoning: model.supportsReasoning,
    releaseDate: model.releaseDate,
    deprecationDate: model.deprecationDate,
    popularityRank: model.popularity?.rank,
    intelligence: intelligence === undefined ? undefined : Object.freeze(intelligence),
    provenance: provenanceWith(model, "popularity", model.popularity),
  });
}

function intelligenceOf(
  model: ModelEntry,
  endpoints: readonly Endpoint[],
  ceiling: number,
): Intelligence | undefined {
  const { estimate, popularity } = model;
  const measured = measuredIntelligence(benchmarksOf(model));
  if (measured !== undefined || estimate === undefined) {
    return measured;
  }
  const prices = endpoints.flatMap(({ pricing }) => pricing.inputPerMtok ?? []);
  return estimatedIntelligence(
    {
      ...estimate,
      popularityRank: popularity?.rank ?? popularity?.rankAtMost,
      inputPerMtok: prices.length === 0 ? undefined : Math.min(...prices),
    },
    ceiling,
  );
}

function benchmarksOf({ benchmarks }: ModelEntry): readonly BenchmarkScore[] {
  const names = ["mmlu-pro", "code", "math", "gpqa-diamond"] as const;
  return names.flatMap((benchmark) => {
    const result = benchmarks[benchmark];
    return result === undefined
      ? []
      : [{ benchmark, score: result.score, suite: result.suite, provenance: provenanceOf(result) }];
  });
}

/** Closed weights have one format that nobody outside knows. */
function nativeQuantizationOf({ nativeQuantization }: ModelEntry) {
  return nativeQuantization ?? "unknown";
}

function sortedById<T>(entries: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...entries].sort(([left], [right]) => (left < right ? -1 : 1));
}
