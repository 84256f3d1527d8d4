import type {
  Dialect,
  EndpointId,
  Modality,
  Precision,
  Provenance,
  Provider,
  Quantization,
} from "./endpoint.ts";
import type { Model } from "./model.ts";
import type { Pricing } from "./money.ts";
import type { Parameter } from "./parameters.ts";

/** One provider's way to serve one model: the unit of routing. */
export type Endpoint = {
  readonly id: EndpointId;
  /** Id of the model it serves. */
  readonly model: string;
  readonly provider: Provider;
  /** Credentials whose rate limit and credit it shares with its siblings. */
  readonly account: string;
  readonly dialect: Dialect;
  /** The provider's own name of the model. */
  readonly upstreamModel: string;
  readonly quantization: Quantization;
  readonly precision: Precision;
  /** Serves the model as it was released, so that no gate is needed. */
  readonly native: boolean;
  readonly contextLength: number;
  readonly maxOutputTokens: number;
  readonly inputModalities: ReadonlySet<Modality>;
  readonly pricing: Pricing;
  /** Already without what its dialect cannot carry. */
  readonly parameters: ReadonlySet<Parameter>;
  readonly regions: readonly string[];
  readonly zeroDataRetention: boolean;
  readonly supportsBatch: boolean;
  readonly spot: boolean;
  /** Most calls at a time; the limiter learns a lower number when the provider pushes back. */
  readonly maxConcurrency: number;
  readonly enabled: boolean;
  /** Answered by the built-in fleet and not by its provider. */
  readonly simulated: boolean;
  readonly provenance: Provenance;
};

/** Everything that can be called at one moment. Frozen: a change is another snapshot. */
export type CatalogSnapshot = {
  /** Grows with every change; counts anew in every process. */
  readonly revision: number;
  /**
   * 12 hexadecimal digits that stand for the prices of all endpoints: equal wherever all of them are, and
   * others as soon as one is.
   */
  readonly priceVersion: string;
  /** Sorted by id. */
  readonly models: readonly Model[];
  /** Accepts ids and aliases, both without regard to case. */
  model(idOrAlias: string): Model | undefined;
  /** Endpoints of a model by its id, sorted by id; empty for an unknown model. */
  endpointsOf(modelId: string): readonly Endpoint[];
  endpoint(id: EndpointId): Endpoint | undefined;
};
