import { z } from "zod";
import { baseUrl, decimalNumber, slug, wholeNumber } from "../decode/fields.ts";
import { usd } from "../decode/usd.ts";
import { type Dialect, type Modality, quantizations } from "../domain/endpoint.ts";
import type { Benchmark } from "../domain/model.ts";
import { parameters } from "../domain/parameters.ts";

/**
 * The layout of catalogue files, twice over the same fields.
 *
 * The *file* schemas check one file: every field may be missing, because another file can hold it,
 * and `null` takes a field of an earlier file away. The *entry* schemas check what all files come to:
 * required fields are there, defaults are filled in, prices become nano-USD.
 */

const text = z.string().min(1).max(300);
const flag = z.boolean();
const tokens = wholeNumber(1, 1_000_000_000);
const day = z.iso.date();
const environmentName = z.string().regex(/^[A-Z][A-Z0-9_]*$/, "must be a name like OPENAI_API_KEY");
const quantization = z.enum(quantizations);
const parameterNames = z.array(z.enum(parameters));
const modalities = z
  .array(z.enum(["text", "image", "audio", "video", "file"] satisfies readonly Modality[]))
  .min(1);

const provenance = { source: text, date: day };

const tiers = z
  .array(
    z.strictObject({
      minInputTokens: tokens,
      input: usd,
      output: usd,
      cacheRead: usd.optional(),
      cacheWrite: usd.optional(),
    }),
  )
  .refine(
    (steps) =>
      steps.every(
        ({ minInputTokens }, index) => minInputTokens > (steps[index - 1]?.minInputTokens ?? 0),
      ),
    "must ascend by minInputTokens",
  );

const priceFields = {
  input: usd,
  output: usd,
  cacheRead: usd,
  cacheWrite: usd,
  reasoning: usd,
  perRequest: usd,
  perImage: usd,
  batchDiscountPercent: wholeNumber(0, 100),
  tiers,
  ...provenance,
};

const popularityFields = {
  rank: wholeNumber(1, 1_000_000),
  rankAtMost: wholeNumber(1, 1_000_000),
  ...provenance,
};

const benchmarkFields = { score: decimalNumber(0, 100), suite: text, ...provenance };

const benchmarkNames = [
  "mmlu-pro",
  "code",
  "math",
  "gpqa-diamond",
] as const satisfies readonly Benchmark[];

const accountFields = { baseUrl, baseUrlEnv: environmentName, apiKeyEnv: environmentName };

const providerFields = {
  displayName: text,
  dialect: z.enum(["openai-chat", "anthropic-messages"] satisfies readonly Dialect[]),
  ...accountFields,
  auth: z.enum(["bearer", "api-key", "x-api-key", "none"]),
  maxTokensField: z.enum(["max_tokens", "max_completion_tokens"]),
  parameters: parameterNames,
  unsupportedParameters: parameterNames,
  ...provenance,
};

const modelFields = {
  displayName: text,
  family: text,
  aliases: z.array(text),
  contextLength: tokens,
  maxOutputTokens: tokens,
  inputModalities: modalities,
  outputModalities: modalities,
  openWeights: flag,
  nativeQuantization: quantization,
  supportsTools: flag,
  supportsStructuredOutput: flag,
  supportsReasoning: flag,
  unsupportedParameters: parameterNames,
  releaseDate: day,
  deprecationDate: day,
  frontier: flag,
  ...provenance,
};

const estimate = z.strictObject({ line: text, generation: text });

const endpointFields = {
  model: text,
  provider: slug,
  account: slug,
  upstreamModel: text,
  quantization,
  contextLength: tokens,
  maxOutputTokens: tokens,
  inputModalities: modalities,
  parameters: parameterNames,
  unsupportedParameters: parameterNames,
  regions: z.array(text),
  zeroDataRetention: flag,
  supportsBatch: flag,
  spot: flag,
  maxConcurrency: wholeNumber(1, 1_000_000),
  enabled: flag,
  ...provenance,
};

/** Every field may be missing or null. */
function inFile(fields: Readonly<Record<string, z.ZodType>>) {
  return z.strictObject(
    Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, schema.nullish()])),
  );
}

export const fileSchemas = {
  providers: inFile({ ...providerFields, accounts: z.record(slug, inFile(accountFields)) }),
  models: inFile({
    ...modelFields,
    popularity: inFile(popularityFields),
    benchmarks: inFile(
      Object.fromEntries(benchmarkNames.map((name) => [name, inFile(benchmarkFields)])),
    ),
    estimate,
  }),
  endpoints: inFile({ ...endpointFields, price: inFile(priceFields) }),
};

/** Keys of a catalogue file. */
export type Kind = keyof typeof fileSchemas;

const account = z.object(accountFields).partial();

export const providerEntry = z
  .object(providerFields)
  .partial()
  .required({ dialect: true, source: true, date: true })
  .extend({
    accounts: z.record(slug, account).default({}),
    unsupportedParameters: parameterNames.default([]),
    // What every compatible server knows; the owner of the format has deprecated it.
    maxTokensField: providerFields.maxTokensField.default("max_tokens"),
  });

const popularity = z
  .object(popularityFields)
  .partial({ rank: true, rankAtMost: true })
  .refine(
    ({ rank, rankAtMost }) => (rank === undefined) !== (rankAtMost === undefined),
    "must have exactly one of rank and rankAtMost",
  );

export const modelEntry = z
  .object(modelFields)
  .partial()
  .required({ contextLength: true, openWeights: true, source: true, date: true })
  .extend({
    family: z.string().max(300).default(""),
    aliases: modelFields.aliases.default([]),
    inputModalities: modalities.default(["text"]),
    outputModalities: modalities.default(["text"]),
    supportsTools: flag.default(false),
    supportsStructuredOutput: flag.default(false),
    supportsReasoning: flag.default(false),
    unsupportedParameters: parameterNames.default([]),
    frontier: flag.default(false),
    popularity: popularity.optional(),
    benchmarks: z.partialRecord(z.enum(benchmarkNames), z.object(benchmarkFields)).default({}),
    estimate: estimate.optional(),
  });

/**
 * Where the limiter's upward search ends unless the entry says otherwise: high enough not to bind a
 * hosted provider, low enough that one hanging endpoint cannot hold every stream of a process.
 */
const DEFAULT_MAX_CONCURRENCY = 200;

export const endpointEntry = z
  .object(endpointFields)
  .partial()
  .required({ model: true, provider: true, upstreamModel: true, source: true, date: true })
  .extend({
    unsupportedParameters: parameterNames.default([]),
    regions: endpointFields.regions.default([]),
    zeroDataRetention: flag.default(false),
    supportsBatch: flag.default(false),
    spot: flag.default(false),
    maxConcurrency: endpointFields.maxConcurrency.default(DEFAULT_MAX_CONCURRENCY),
    enabled: flag.default(true),
    price: z
      .object(priceFields)
      .partial()
      .required({ source: true, date: true })
      .extend({ tiers: tiers.default([]) })
      .optional(),
  });

/** Complete, with defaults; a field without a default is absent when no file has it. */
export type ProviderEntry = Readonly<z.infer<typeof providerEntry>>;
export type ModelEntry = Readonly<z.infer<typeof modelEntry>>;
export type EndpointEntry = Readonly<z.infer<typeof endpointEntry>>;

/** The entries of all files together, by id. */
export type CatalogEntries = {
  readonly providers: ReadonlyMap<string, ProviderEntry>;
  readonly models: ReadonlyMap<string, ModelEntry>;
  readonly endpoints: ReadonlyMap<string, EndpointEntry>;
};
