import { formatPath, type Problem, unknownName } from "../decode/problems.ts";
import type { CatalogEntries, EndpointEntry, Kind, ModelEntry } from "./catalog-schema.ts";
import { familyLines } from "./intelligence-tables.ts";

/** What is not known of a catalogue, because it stands where something is wrong. */
export type CatalogGaps = {
  /** Ids of entries that are there and whose content is not known. */
  readonly broken: Readonly<Record<Kind, ReadonlySet<string>>>;
  /** False: there may be entries of which not even the id is known. */
  readonly complete: boolean;
};

type CheckContext = {
  readonly gaps: CatalogGaps;
  /** What stands before the path of a problem with that entry. */
  readonly place: (kind: Kind, id: string) => string;
};

/**
 * What no entry can tell by itself: names that refer to nothing, and names that refer to two things. An
 * entry in a gap is taken for one that is fine.
 */
export function checkCatalog(catalog: CatalogEntries, context: CheckContext): readonly Problem[] {
  return [
    ...aliasProblems(catalog.models, context),
    ...[...catalog.models].flatMap(([id, model]) =>
      modelProblems(id, model).map(placed("models", id, context)),
    ),
    ...[...catalog.endpoints].flatMap(([id, endpoint]) =>
      endpointProblems(id, endpoint, { catalog, gaps: context.gaps }).map(
        placed("endpoints", id, context),
      ),
    ),
  ];
}

function placed(kind: Kind, id: string, { place }: CheckContext): (problem: Problem) => Problem {
  return ({ path, message }) => ({ path: place(kind, id) + path, message });
}

function aliasProblems(
  models: ReadonlyMap<string, ModelEntry>,
  { gaps, place }: CheckContext,
): readonly Problem[] {
  const problems: Problem[] = [];
  const ids = [...models.keys(), ...gaps.broken.models];
  const owners = new Map(ids.map((id) => [id.toLowerCase(), id]));
  for (const [id, { aliases }] of models) {
    for (const [index, alias] of aliases.entries()) {
      const owner = owners.get(alias.toLowerCase());
      if (owner !== undefined) {
        problems.push({
          path: place("models", id) + formatPath(["models", id, "aliases", index]),
          message: `already names ${owner}`,
        });
      }
      owners.set(alias.toLowerCase(), id);
    }
  }
  return problems;
}

function modelProblems(id: string, model: ModelEntry): readonly Problem[] {
  return [
    ...estimateProblems(id, model),
    ...quantizationProblems(id, model),
    ...select(
      ["models", id],
      [
        {
          field: "maxOutputTokens",
          wrong: (model.maxOutputTokens ?? 0) > model.contextLength,
          message: `must be at most contextLength ${model.contextLength}`,
        },
        {
          field: "deprecationDate",
          // ISO 8601 days sort as text.
          wrong: (model.deprecationDate ?? "9999") < (model.releaseDate ?? ""),
          message: `must not be before releaseDate ${model.releaseDate}`,
        },
      ],
    ),
  ];
}

function estimateProblems(id: string, { estimate }: ModelEntry): readonly Problem[] {
  if (estimate === undefined) {
    return [];
  }
  const line = familyLines.get(estimate.line);
  const [field, known] =
    line === undefined
      ? (["line", familyLines.keys()] as const)
      : (["generation", line.generations.keys()] as const);
  const names = [...known];
  return select(
    ["models", id, "estimate"],
    [
      {
        field,
        wrong: !names.includes(estimate[field]),
        message: `must be one of ${names.join(", ")}`,
      },
    ],
  );
}

function quantizationProblems(id: string, model: ModelEntry): readonly Problem[] {
  const { openWeights, nativeQuantization } = model;
  const field = "nativeQuantization";
  return select(
    ["models", id],
    [
      {
        field,
        wrong: openWeights && nativeQuantization === undefined,
        message: "is required for open weights",
      },
      {
        field,
        wrong:
          openWeights && (nativeQuantization === "unknown" || nativeQuantization === "undisclosed"),
        message: "must be the format the weights were released in",
      },
      {
        field,
        wrong: !openWeights && (nativeQuantization ?? "unknown") !== "unknown",
        message: "must be unknown for closed weights",
      },
    ],
  );
}

function endpointProblems(
  id: string,
  endpoint: EndpointEntry,
  { catalog, gaps }: { readonly catalog: CatalogEntries; readonly gaps: CatalogGaps },
): readonly Problem[] {
  const { models, providers } = catalog;
  const model = models.get(endpoint.model);
  const provider = providers.get(endpoint.provider);
  const { account, contextLength, maxOutputTokens, quantization } = endpoint;
  const context = contextLength ?? model?.contextLength ?? Number.POSITIVE_INFINITY;
  const { complete } = gaps;
  return select(
    ["endpoints", id],
    [
      {
        field: "model",
        wrong: model === undefined && !gaps.broken.models.has(endpoint.model),
        message: unknownName("model", endpoint.model, { names: models.keys(), complete }),
      },
      {
        field: "provider",
        wrong: provider === undefined && !gaps.broken.providers.has(endpoint.provider),
        message: unknownName("provider", endpoint.provider, { names: providers.keys(), complete }),
      },
      {
        field: "account",
        wrong:
          provider !== undefined &&
          account !== undefined &&
          !Object.hasOwn(provider.accounts, account),
        message: `${endpoint.provider} has no account ${account}`,
      },
      {
        field: "quantization",
        // `unknown` stands for closed weights that have only one format, and passes as native.
        wrong: model?.openWeights === true && quantization === "unknown",
        message: "must be undisclosed when a provider of open weights does not say",
      },
      {
        field: "maxOutputTokens",
        wrong: (maxOutputTokens ?? 0) > context,
        message: `must be at most contextLength ${context}`,
      },
    ],
  );
}

type Rule = { readonly field: string; readonly wrong: boolean; readonly message: string };

function select(entry: readonly string[], rules: readonly Rule[]): readonly Problem[] {
  return rules
    .filter(({ wrong }) => wrong)
    .map(({ field, message }) => ({ path: formatPath([...entry, ...field.split(".")]), message }));
}
